//! HELP of the container commands, from their rows.
//!
//! Owns the layout: a line of usage, then for each subcommand its syntax and, indented, its summary. Derived, so that a
//! subcommand cannot be missing from it.

use super::*;

/// Writes the help of a container whose subcommands are `rows`.
pub(super) fn write(container: &str, rows: &[Row], out: &mut Reply<'_>) {
    let lines = rows.iter().map(|r| (r.spec.short_name(), r.spec.syntax, r.spec.summary));
    write_lines(container, &lines.collect::<Vec<_>>(), out);
}

/// Writes the help of a container whose subcommands have no rows: name, syntax, summary of each.
pub(super) fn write_lines(container: &str, lines: &[(&str, &str, &str)], out: &mut Reply<'_>) {
    out.array(1 + 2 * lines.len());
    let container = container.to_ascii_uppercase();
    out.simple(&format!("{container} <subcommand> [<arg> [value] [opt] ...]. Subcommands are:"));
    for (name, syntax, summary) in lines {
        out.simple(format!("{} {syntax}", name.to_ascii_uppercase()).trim_end());
        out.simple(&format!("    {summary}"));
    }
}
