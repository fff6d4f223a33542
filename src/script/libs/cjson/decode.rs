//! JSON to Lua values.
//!
//! A scanner makes tokens, a loop builds tables. The tables that are open are kept in a Lua table and their kinds in a
//! list, so that nesting takes no more of any stack. Text is read as the C library reads it, which is kinder than JSON:
//! a NUL byte is the end, control characters may stand in strings, numbers are what `strtod` takes (unless
//! `decode_invalid_numbers(false)` forbids those that JSON does not have).

use mlua::{Lua, LuaString, Table, Value};

use super::super::stack::Stack;
use super::super::{Fault, SLOTS_MAX};
use super::{Settings, null};
use crate::base::num::parse_f64;

#[derive(Clone, Copy, Debug, PartialEq)]
enum Token {
    ObjectBegin,
    ObjectEnd,
    ArrayBegin,
    ArrayEnd,
    /// Its text is [`Scanner::text`].
    String,
    Number(f64),
    Boolean(bool),
    Null,
    Colon,
    Comma,
    End,
    Invalid(&'static str),
}

impl Token {
    /// The name in messages.
    fn name(self) -> &'static str {
        match self {
            Token::ObjectBegin => "T_OBJ_BEGIN",
            Token::ObjectEnd => "T_OBJ_END",
            Token::ArrayBegin => "T_ARR_BEGIN",
            Token::ArrayEnd => "T_ARR_END",
            Token::String => "T_STRING",
            Token::Number(_) => "T_NUMBER",
            Token::Boolean(_) => "T_BOOLEAN",
            Token::Null => "T_NULL",
            Token::Colon => "T_COLON",
            Token::Comma => "T_COMMA",
            Token::End => "T_END",
            Token::Invalid(what) => what,
        }
    }
}

struct Scanner<'t> {
    data: &'t [u8],
    at: usize,
    /// Where the last token is, or where it went wrong.
    token_at: usize,
    text: Vec<u8>,
    takes_invalid_numbers: bool,
}

impl Scanner<'_> {
    fn byte(&self, at: usize) -> u8 {
        self.data.get(at).copied().unwrap_or(0)
    }

    fn next(&mut self) -> Token {
        while matches!(self.byte(self.at), b' ' | b'\t' | b'\n' | b'\r') {
            self.at += 1;
        }
        self.token_at = self.at;
        let token = match self.byte(self.at) {
            b'{' => Token::ObjectBegin,
            b'}' => Token::ObjectEnd,
            b'[' => Token::ArrayBegin,
            b']' => Token::ArrayEnd,
            b',' => Token::Comma,
            b':' => Token::Colon,
            0 => return Token::End,
            b'"' => return self.string(),
            b'-' | b'0'..=b'9' => {
                let is_refused = !self.takes_invalid_numbers && is_no_json_number(&self.data[self.at..]);
                return if is_refused { Token::Invalid("invalid number") } else { self.number() };
            }
            _ => return self.word(),
        };
        self.at += 1;
        token
    }

    fn word(&mut self) -> Token {
        let rest = &self.data[self.at..];
        let words = [("true", Token::Boolean(true)), ("false", Token::Boolean(false)), ("null", Token::Null)];
        for (word, token) in words {
            if rest.starts_with(word.as_bytes()) {
                self.at += word.len();
                return token;
            }
        }
        if self.takes_invalid_numbers && is_no_json_number(rest) {
            return self.number();
        }
        Token::Invalid("invalid token")
    }

    fn number(&mut self) -> Token {
        match strtod(&self.data[self.at..]) {
            Some((number, len)) => {
                self.at += len;
                Token::Number(number)
            }
            None => Token::Invalid("invalid number"),
        }
    }

    /// A string into `text`. The scanner stands at its opening quote.
    fn string(&mut self) -> Token {
        self.text.clear();
        self.at += 1;
        loop {
            let rest = &self.data[self.at..];
            let plain = rest.iter().position(|byte| matches!(byte, b'"' | b'\\' | 0)).unwrap_or(rest.len());
            self.text.extend_from_slice(&rest[..plain]);
            self.at += plain;
            match self.byte(self.at) {
                b'"' => {
                    self.at += 1;
                    return Token::String;
                }
                b'\\' => {
                    if let Err(what) = self.escape() {
                        self.token_at = self.at;
                        return Token::Invalid(what);
                    }
                }
                _ => {
                    self.token_at = self.at;
                    return Token::Invalid("unexpected end of string");
                }
            }
        }
    }

    /// One escape, at its backslash.
    fn escape(&mut self) -> Result<(), &'static str> {
        let byte = match self.byte(self.at + 1) {
            byte @ (b'"' | b'\\' | b'/') => byte,
            b'b' => 0x08,
            b'f' => 0x0c,
            b'n' => b'\n',
            b'r' => b'\r',
            b't' => b'\t',
            b'u' => return self.unicode().ok_or("invalid unicode escape code"),
            _ => return Err("invalid escape code"),
        };
        self.text.push(byte);
        self.at += 2;
        Ok(())
    }

    /// `\uXXXX`, or the two of a surrogate pair.
    fn unicode(&mut self) -> Option<()> {
        let first = hex4(&self.data[self.at + 2..])?;
        let (code, len) = match first {
            0xd800..0xdc00 => {
                let second = self.data[self.at + 6..].strip_prefix(b"\\u").and_then(hex4)?;
                let low = second.checked_sub(0xdc00).filter(|low| *low < 0x400)?;
                (0x10000 + ((first - 0xd800) << 10 | low), 12)
            }
            _ => (first, 6),
        };
        let c = char::from_u32(code)?;
        self.text.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
        self.at += len;
        Some(())
    }

    fn error(&self, expected: &str, token: Token) -> Fault {
        let place = self.token_at + 1;
        Fault::here(format!("Expected {expected} but found {} at character {place}", token.name()))
    }
}

fn hex4(text: &[u8]) -> Option<u32> {
    text.get(..4)?.iter().try_fold(0, |code, byte| Some(code << 4 | char::from(*byte).to_digit(16)?))
}

/// Whether this opens as a number that C reads and JSON does not have: with a plus, a leading zero, hexadecimal,
/// infinity, NaN.
fn is_no_json_number(text: &[u8]) -> bool {
    let body = match text.first() {
        Some(b'+') => return true,
        Some(b'-') => &text[1..],
        _ => text,
    };
    let opens = |word: &[u8]| body.get(..3).is_some_and(|three| three.eq_ignore_ascii_case(word));
    match body.first() {
        Some(b'0') => matches!(body.get(1), Some(b'x' | b'X' | b'0'..=b'9')),
        Some(b'1'..=b'9') => false,
        _ => opens(b"inf") || opens(b"nan"),
    }
}

/// The number that a text opens with, and its length, as C's `strtod`.
fn strtod(text: &[u8]) -> Option<(f64, usize)> {
    let sign = usize::from(matches!(text.first(), Some(b'+' | b'-')));
    let body = &text[sign..];
    let opens = |word: &str| body.get(..word.len()).is_some_and(|t| t.eq_ignore_ascii_case(word.as_bytes()));
    let (magnitude, len) = if opens("infinity") {
        (f64::INFINITY, 8)
    } else if opens("inf") {
        (f64::INFINITY, 3)
    } else if opens("nan") {
        (f64::NAN, nan_length(body))
    } else if let Some(len) = float_length(body.get(2..).filter(|_| opens("0x")), b"pP", |b| b.is_ascii_hexdigit()) {
        (hexadecimal(&body[..len + 2]), len + 2)
    } else {
        let len = float_length(Some(body), b"eE", |b| b.is_ascii_digit())?;
        (std::str::from_utf8(&body[..len]).ok()?.parse().ok()?, len)
    };
    let number = if text[0] == b'-' { -magnitude } else { magnitude };
    Some((number, sign + len))
}

/// `nan`, or `nan(chars)`.
fn nan_length(body: &[u8]) -> usize {
    let Some(rest) = body[3..].strip_prefix(b"(") else { return 3 };
    let word = rest.iter().take_while(|b| b.is_ascii_alphanumeric() || **b == b'_').count();
    if rest.get(word) == Some(&b')') { word + 5 } else { 3 }
}

/// The length of digits with perhaps a point among them and an exponent behind; `None` without a digit.
fn float_length(text: Option<&[u8]>, exponent: &[u8], is_digit: fn(&u8) -> bool) -> Option<usize> {
    let text = text?;
    let digits = |from: usize| text[from..].iter().take_while(|b| is_digit(b)).count();
    let whole = digits(0);
    let mut len = whole;
    if text.get(len) == Some(&b'.') {
        let fraction = digits(len + 1);
        if whole + fraction > 0 {
            len += 1 + fraction;
        }
    }
    if len == 0 {
        return None;
    }
    if text.get(len).is_some_and(|byte| exponent.contains(byte)) {
        let sign = usize::from(matches!(text.get(len + 1), Some(b'+' | b'-')));
        let from = len + 1 + sign;
        let digits = text.get(from..).unwrap_or_default().iter().take_while(|b| b.is_ascii_digit()).count();
        if digits > 0 {
            len = from + digits;
        }
    }
    Some(len)
}

/// A hexadecimal float without a sign. Beyond the range of doubles it is infinite or zero.
fn hexadecimal(text: &[u8]) -> f64 {
    parse_f64(text).unwrap_or_else(|| {
        let exponent = text.iter().position(|byte| matches!(byte, b'p' | b'P'));
        let vanishes = exponent.is_some_and(|at| text.get(at + 1) == Some(&b'-'));
        if vanishes { 0.0 } else { f64::INFINITY }
    })
}

/// What a token is.
enum Step {
    Value(Value),
    /// A table that is open now, and the token of its first value.
    Opened(Token),
}

/// A table that is being filled.
enum Open {
    Array(Table, i64),
    Object(Table, LuaString),
}

/// The tables being filled, the innermost apart.
struct Decoder<'a, 't> {
    lua: &'a Lua,
    settings: &'a Settings,
    scanner: Scanner<'t>,
    inner: Option<Open>,
    /// Of each outer table: the number of its elements, or `None` for an object. The table itself, and behind it an
    /// object's key, are in `kept`.
    outer: Vec<Option<i64>>,
    kept: Stack,
    depth: i32,
    /// What the C library would have on Lua's stack.
    slots: usize,
}

/// The value of a JSON text.
pub fn decode(lua: &Lua, text: &[u8], settings: &Settings) -> Result<Value, Fault> {
    if text.len() >= 2 && (text[0] == 0 || text[1] == 0) {
        return Err(Fault::here("JSON parser does not support UTF-16 or UTF-32"));
    }
    let scanner =
        Scanner { data: text, at: 0, token_at: 0, text: Vec::new(), takes_invalid_numbers: settings.decode_invalid };
    let (inner, outer, kept) = (None, Vec::new(), Stack::default());
    let mut decoder = Decoder { lua, settings, scanner, inner, outer, kept, depth: 0, slots: 1 };
    let mut token = decoder.scanner.next();
    loop {
        let value = match decoder.value(token)? {
            Step::Value(value) => value,
            Step::Opened(first) => {
                token = first;
                continue;
            }
        };
        match decoder.place(value)? {
            Some(whole) => {
                let token = decoder.scanner.next();
                return if token == Token::End { Ok(whole) } else { Err(decoder.scanner.error("the end", token)) };
            }
            None => token = decoder.scanner.next(),
        }
    }
}

impl Decoder<'_, '_> {
    /// What a token opens.
    fn value(&mut self, token: Token) -> Result<Step, Fault> {
        Ok(Step::Value(match token {
            Token::String => Value::String(self.lua.create_string(&self.scanner.text)?),
            Token::Number(number) => Value::Number(number),
            Token::Boolean(boolean) => Value::Boolean(boolean),
            Token::Null => null(),
            Token::ArrayBegin => {
                self.descend(2)?;
                let table = self.lua.create_table()?;
                let first = self.scanner.next();
                if first != Token::ArrayEnd {
                    self.open(Open::Array(table, 0))?;
                    return Ok(Step::Opened(first));
                }
                self.ascend(1);
                Value::Table(table)
            }
            Token::ObjectBegin => {
                self.descend(3)?;
                let table = self.lua.create_table()?;
                let token = self.scanner.next();
                if token != Token::ObjectEnd {
                    let key = self.key(token)?;
                    self.slots += 1;
                    self.open(Open::Object(table, key))?;
                    return Ok(Step::Opened(self.scanner.next()));
                }
                self.ascend(1);
                Value::Table(table)
            }
            _ => return Err(self.scanner.error("value", token)),
        }))
    }

    /// Puts a value where it belongs. Returns the whole when that was the last one; else the next token is a value.
    fn place(&mut self, value: Value) -> Result<Option<Value>, Fault> {
        let mut value = value;
        loop {
            let Some(inner) = self.inner.as_mut() else { return Ok(Some(value)) };
            let table = match inner {
                Open::Array(table, len) => {
                    *len += 1;
                    table.raw_set(*len, value)?;
                    match self.scanner.next() {
                        Token::Comma => return Ok(None),
                        Token::ArrayEnd => table.clone(),
                        token => return Err(self.scanner.error("comma or array end", token)),
                    }
                }
                Open::Object(table, key) => {
                    table.raw_set(&*key, value)?;
                    match self.scanner.next() {
                        Token::Comma => {
                            let token = self.scanner.next();
                            let next = self.key(token)?;
                            if let Some(Open::Object(_, key)) = &mut self.inner {
                                *key = next;
                            }
                            return Ok(None);
                        }
                        Token::ObjectEnd => table.clone(),
                        token => return Err(self.scanner.error("comma or object end", token)),
                    }
                }
            };
            self.close()?;
            value = Value::Table(table);
        }
    }

    /// An object's key, and the colon behind it.
    fn key(&mut self, token: Token) -> Result<LuaString, Fault> {
        if token != Token::String {
            return Err(self.scanner.error("object key string", token));
        }
        let key = self.lua.create_string(&self.scanner.text)?;
        match self.scanner.next() {
            Token::Colon => Ok(key),
            token => Err(self.scanner.error("colon", token)),
        }
    }

    fn descend(&mut self, slots: usize) -> Result<(), Fault> {
        self.depth += 1;
        if self.depth > self.settings.decode_depth_max || self.slots + slots > SLOTS_MAX {
            let (depth, place) = (self.depth, self.scanner.at);
            return Err(Fault::here(format!("Found too many nested data structures ({depth}) at character {place}")));
        }
        self.slots += 1;
        Ok(())
    }

    fn ascend(&mut self, slots: usize) {
        self.depth -= 1;
        self.slots -= slots;
    }

    fn open(&mut self, table: Open) -> Result<(), Fault> {
        match self.inner.replace(table) {
            None => {}
            Some(Open::Array(table, len)) => {
                self.kept.push(self.lua, table)?;
                self.outer.push(Some(len));
            }
            Some(Open::Object(table, key)) => {
                self.kept.push(self.lua, table)?;
                self.kept.push(self.lua, key)?;
                self.outer.push(None);
            }
        }
        Ok(())
    }

    /// The innermost table is full: the one around it is the innermost.
    fn close(&mut self) -> Result<(), Fault> {
        let slots = if matches!(self.inner, Some(Open::Object(..))) { 2 } else { 1 };
        self.ascend(slots);
        self.inner = match self.outer.pop() {
            None => None,
            Some(Some(len)) => match self.kept.pop()? {
                Value::Table(table) => Some(Open::Array(table, len)),
                _ => return Err(Fault::memory()),
            },
            Some(None) => match (self.kept.pop()?, self.kept.pop()?) {
                (Value::String(key), Value::Table(table)) => Some(Open::Object(table, key)),
                _ => return Err(Fault::memory()),
            },
        };
        Ok(())
    }
}
