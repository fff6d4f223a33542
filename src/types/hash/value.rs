//! What a hash answers: values, and what there is to say of expiry.
//!
//! Plain data, borrowed from the hash; must not know how either is stored.

use bytes::Bytes;

use crate::base::num::parse_i64;
use crate::types::packed::{Item, ItemText};

/// A value of a hash as it is stored.
#[derive(Clone, Copy, Debug)]
pub enum Value<'a> {
    /// The decimal text of this integer.
    Int(i64),
    /// A text.
    Str(&'a [u8]),
    /// A long text, which can be shared.
    Shared(&'a Bytes),
}

impl Value<'_> {
    /// Bytes of the text. O(1).
    pub fn len(&self) -> usize {
        match *self {
            Value::Int(int) => Item::Int(int).len(),
            Value::Str(text) => text.len(),
            Value::Shared(text) => text.len(),
        }
    }

    /// Whether the text is empty.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The text: that of an integer is printed into `buf`. O(1).
    pub fn text<'b>(&'b self, buf: &'b mut ItemText) -> &'b [u8] {
        match *self {
            Value::Int(int) => Item::Int(int).text(buf),
            Value::Str(text) => text,
            Value::Shared(text) => text,
        }
    }

    /// The text, owned. O(length).
    pub fn to_vec(&self) -> Vec<u8> {
        self.text(&mut ItemText::default()).to_vec()
    }

    /// The integer whose canonical decimal text this is, if any. O(1).
    pub fn int(&self) -> Option<i64> {
        match *self {
            Value::Int(int) => Some(int),
            Value::Str(text) => parse_i64(text),
            Value::Shared(_) => None,
        }
    }
}

impl<'a> From<Item<'a>> for Value<'a> {
    fn from(item: Item<'a>) -> Self {
        match item {
            Item::Int(int) => Value::Int(int),
            Item::Str(text) => Value::Str(text),
        }
    }
}

/// What there is to say of a field's expiry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FieldTtl {
    /// There is no such field.
    Missing,
    /// It does not expire.
    Never,
    /// It expires at this time, in milliseconds.
    At(u64),
}

/// What `Hash::set_expire` did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExpireOutcome {
    /// Nothing: there is no such field.
    Missing,
    /// The field expires at the time given.
    Set,
    /// The time was not in the future, so the field is gone.
    Removed,
}
