//! A stack of Lua values that is as deep as it has to be.
//!
//! A value that Rust holds takes a slot of the binding's own Lua stack, of which there are only some thousands. A decoder
//! or encoder deep in nested tables keeps those that it will come back to in a Lua table instead.

use mlua::{IntoLua, Lua, Table, Value};

/// Values kept for later.
#[derive(Default)]
pub struct Stack {
    /// Made when it is first needed: most data nest little.
    table: Option<Table>,
    len: usize,
}

impl Stack {
    /// The number of values kept.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Keeps a value; [`Stack::get`] finds it at the index that this returns.
    pub fn push(&mut self, lua: &Lua, value: impl IntoLua) -> mlua::Result<usize> {
        let table = match &self.table {
            Some(table) => table,
            None => self.table.insert(lua.create_table()?),
        };
        table.raw_set(self.len + 1, value)?;
        self.len += 1;
        Ok(self.len)
    }

    /// The value kept last.
    pub fn pop(&mut self) -> mlua::Result<Value> {
        let value = self.get(self.len)?;
        self.len = self.len.saturating_sub(1);
        Ok(value)
    }

    /// The value at an index.
    pub fn get(&self, at: usize) -> mlua::Result<Value> {
        self.table.as_ref().map_or(Ok(Value::Nil), |table| table.raw_get(at))
    }

    /// Forgets all values but the first `len`. Their slots are used again.
    pub fn truncate(&mut self, len: usize) {
        self.len = self.len.min(len);
    }
}
