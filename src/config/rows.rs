//! The builders of the table's rows: `const fn`s that pair a kind of value with the place that can hold it.
//!
//! Owns construction only; what a row means is `directive`'s. Builders instead of struct literals, so that a row says
//! what is particular about it and no more.

use super::directive::{Check, Directive, Effect, Kind, Mutability, Place};
use super::settings::{Amount, Settings};

const fn row(name: &'static str, kind: Kind, default: &'static str, place: Place) -> Directive {
    Directive {
        name,
        aliases: &[],
        kind,
        default,
        mutability: Mutability::Modifiable,
        effect: Effect::Nothing,
        summary: "",
        later: false,
        hidden: false,
        multi: false,
        accumulates: false,
        file_only: false,
        place,
        check: None,
        lines: None,
    }
}

/// A row of `yes` or `no`.
pub(super) const fn boolean(
    name: &'static str,
    default: &'static str,
    get: fn(&Settings) -> bool,
    set: fn(&mut Settings, bool),
) -> Directive {
    row(name, Kind::Bool, default, Place::Bool(get, set))
}

/// A row of an integer in `range` (least, greatest).
pub(super) const fn int(
    name: &'static str,
    default: &'static str,
    range: (i64, i64),
    get: fn(&Settings) -> i64,
    set: fn(&mut Settings, i64),
) -> Directive {
    row(name, Kind::Int { min: range.0, max: range.1 }, default, Place::Int(get, set))
}

/// A row of a file mode.
pub(super) const fn octal(
    name: &'static str,
    default: &'static str,
    max: u32,
    get: fn(&Settings) -> i64,
    set: fn(&mut Settings, i64),
) -> Directive {
    row(name, Kind::Octal { max }, default, Place::Int(get, set))
}

/// A row of bytes in `range` (least, greatest).
pub(super) const fn memory(
    name: &'static str,
    default: &'static str,
    range: (u64, u64),
    get: fn(&Settings) -> u64,
    set: fn(&mut Settings, u64),
) -> Directive {
    row(name, Kind::Memory { min: range.0, max: range.1 }, default, Place::Memory(get, set))
}

/// A row of bytes, or of a percentage of `maxmemory`.
pub(super) const fn amount(
    name: &'static str,
    default: &'static str,
    get: fn(&Settings) -> Amount,
    set: fn(&mut Settings, Amount),
) -> Directive {
    row(name, Kind::MemoryOrPercent, default, Place::Amount(get, set))
}

/// A row of one word out of `words`; the functions speak in positions.
pub(super) const fn choice(
    name: &'static str,
    default: &'static str,
    words: &'static [&'static str],
    get: fn(&Settings) -> usize,
    set: fn(&mut Settings, usize),
) -> Directive {
    row(name, Kind::Enum(words), default, Place::Choice(get, set))
}

/// A row of a string.
pub(super) const fn text(
    name: &'static str,
    default: &'static str,
    get: fn(&Settings) -> &str,
    set: fn(&mut Settings, &str),
) -> Directive {
    row(name, Kind::Text, default, Place::Text(get, set))
}

/// A row with a grammar of its own.
pub(super) const fn special(
    name: &'static str,
    default: &'static str,
    get: fn(&Settings) -> String,
    set: fn(&mut Settings, &[&str]) -> Result<(), String>,
) -> Directive {
    row(name, Kind::Special, default, Place::Special(get, set))
}

/// A line of the file that CONFIG does not know.
pub(super) const fn line(name: &'static str, set: fn(&mut Settings, &[&str]) -> Result<(), String>) -> Directive {
    let mut directive = row(name, Kind::Special, "", Place::Special(|_| String::new(), set));
    directive.file_only = true;
    directive
}

/// A row of a feature that this release does not have: checked, kept, and named in a warning at start.
pub(super) const fn later(name: &'static str, kind: Kind, default: &'static str, summary: &'static str) -> Directive {
    let mut directive = row(name, kind, default, Place::Kept);
    directive.later = true;
    directive.multi = matches!(kind, Kind::Flags(_));
    directive.summary = summary;
    directive
}

impl Directive {
    pub(super) const fn about(mut self, summary: &'static str) -> Self {
        self.summary = summary;
        self
    }

    pub(super) const fn alias(mut self, aliases: &'static [&'static str]) -> Self {
        self.aliases = aliases;
        self
    }

    pub(super) const fn immutable(mut self) -> Self {
        self.mutability = Mutability::Immutable;
        self
    }

    pub(super) const fn protected(mut self) -> Self {
        self.mutability = Mutability::Protected;
        self
    }

    pub(super) const fn then(mut self, effect: Effect) -> Self {
        self.effect = effect;
        self
    }

    pub(super) const fn hidden(mut self) -> Self {
        self.hidden = true;
        self
    }

    pub(super) const fn multi(mut self) -> Self {
        self.multi = true;
        self
    }

    pub(super) const fn accumulates(mut self) -> Self {
        self.accumulates = true;
        self
    }

    /// Marks a typed row whose feature is not in this release.
    pub(super) const fn not_yet(mut self) -> Self {
        self.later = true;
        self
    }

    pub(super) const fn checked(mut self, check: fn(&str) -> Result<(), String>) -> Self {
        self.check = Some(Check::Text(check));
        self
    }

    pub(super) const fn checked_bool(mut self, check: fn(bool) -> Result<(), String>) -> Self {
        self.check = Some(Check::Bool(check));
        self
    }

    pub(super) const fn normalized(mut self, adjust: fn(u64) -> u64) -> Self {
        self.check = Some(Check::Memory(adjust));
        self
    }

    pub(super) const fn words(mut self, canonical: fn(&[&str]) -> Result<String, String>) -> Self {
        self.place = Place::KeptSpecial(canonical);
        self.multi = true;
        self
    }

    pub(super) const fn lines(mut self, lines: fn(&Settings) -> Vec<String>) -> Self {
        self.lines = Some(lines);
        self
    }
}
