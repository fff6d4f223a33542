//! The table of all directives, from which everything else about configuration is derived: the file parser, the
//! flags, CONFIG GET, SET and REWRITE, `--help` and the README's table.
//!
//! Grouped into files by what they set; `DIRECTIVES` is the concatenation, made at compile time. One row a directive,
//! names and defaults of Redis 7.2, and three of our own: `workers`, `shards`, `log-format`.

mod later;
mod links;
mod network;
mod process;
mod store;

use super::directive::Directive;

const GROUPS: &[&[Directive]] = &[network::ROWS, process::ROWS, store::ROWS, later::ROWS, links::ROWS];

/// Every directive.
pub static DIRECTIVES: &[Directive] = &concat::<{ count(GROUPS) }>(GROUPS);

const fn count(groups: &[&[Directive]]) -> usize {
    let (mut n, mut i) = (0, 0);
    while i < groups.len() {
        n += groups[i].len();
        i += 1;
    }
    n
}

const fn concat<const N: usize>(groups: &[&[Directive]]) -> [Directive; N] {
    let mut all = [groups[0][0]; N];
    let (mut at, mut group) = (0, 0);
    while group < groups.len() {
        let mut i = 0;
        while i < groups[group].len() {
            all[at] = groups[group][i];
            at += 1;
            i += 1;
        }
        group += 1;
    }
    all
}

/// The directive of that name or alias, in any case.
pub fn find(name: &str) -> Option<&'static Directive> {
    DIRECTIVES.iter().find(|d| d.names().any(|n| n.eq_ignore_ascii_case(name)))
}
