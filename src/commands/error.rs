//! What a handler can answer instead of a reply, with Redis's exact texts: clients match on them.

use crate::resp::Reply;
use crate::store::{IsBusy, WrongType};

/// What is replied to who needs what a busy script holds.
pub const BUSY: &str = "BUSY Redis is busy running a script. You can only call SCRIPT KILL or SHUTDOWN NOSAVE.";
/// The same where a function has to be ended.
pub const BUSY_FUNCTION: &str =
    "BUSY Redis is busy running a script. You can only call FUNCTION KILL or SHUTDOWN NOSAVE.";

/// What is replied to who needs a shard that is busy.
pub fn busy(is: IsBusy) -> &'static str {
    if is.function { BUSY_FUNCTION } else { BUSY }
}

/// An error reply.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Error {
    /// The value at the key is of another type.
    WrongType,
    /// The arguments do not fit the command's grammar.
    Syntax,
    /// An argument or value is no 64-bit integer.
    NotInteger,
    /// An argument or value is no float.
    NotFloat,
    /// A database number is out of range.
    DbIndex,
    /// No such key.
    NoSuchKey,
    /// A fixed text, with its code (`ERR …`).
    Text(&'static str),
    /// A text with details, with its code.
    Owned(String),
}

/// What handlers return.
pub type Result<T = ()> = std::result::Result<T, Error>;

impl Error {
    /// The line without the leading dash.
    pub fn text(&self) -> &str {
        match self {
            Error::WrongType => "WRONGTYPE Operation against a key holding the wrong kind of value",
            Error::Syntax => "ERR syntax error",
            Error::NotInteger => "ERR value is not an integer or out of range",
            Error::NotFloat => "ERR value is not a valid float",
            Error::DbIndex => "ERR DB index is out of range",
            Error::NoSuchKey => "ERR no such key",
            Error::Text(t) => t,
            Error::Owned(t) => t,
        }
    }

    /// Writes it as a reply.
    #[cold]
    pub fn write(&self, out: &mut Reply<'_>) {
        out.error(self.text());
    }
}

impl From<WrongType> for Error {
    fn from(_: WrongType) -> Self {
        Error::WrongType
    }
}

impl From<IsBusy> for Error {
    fn from(is: IsBusy) -> Self {
        Error::Text(busy(is))
    }
}

/// `ERR unknown subcommand or wrong number of arguments…`, as Redis words it for a container command.
pub fn unknown_subcommand(container: &str, sub: &[u8]) -> Error {
    let sub = String::from_utf8_lossy(&sub[..sub.len().min(128)]);
    Error::Owned(format!("ERR unknown subcommand '{sub}'. Try {} HELP.", container.to_ascii_uppercase()))
}
