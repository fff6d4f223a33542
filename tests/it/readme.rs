//! README's table of commands is derived from the rows: this test says when it is not, and writes it when asked to.
//!
//! `OSTRACON_BLESS=1 cargo test readme` rewrites the table.

use ostracon::commands::Commands;
use std::collections::BTreeMap;
use std::path::Path;

const BEGIN: &str = "<!-- commands: kept by tests/it/readme.rs -->\n";
const END: &str = "<!-- end of commands -->";

/// The table: a row a group, containers with their subcommands.
fn table() -> String {
    let commands = Commands::default();
    let mut groups: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for row in commands.top_level() {
        let mut name = row.spec.name.to_ascii_uppercase();
        if !row.subs.is_empty() {
            let subs: Vec<String> = row.subs.iter().map(|s| s.spec.short_name().to_ascii_uppercase()).collect();
            name = format!("{name} ({})", subs.join(", "));
        }
        groups.entry(row.spec.group.name()).or_default().push(name);
    }
    let mut text = String::from("| group | commands |\n| --- | --- |\n");
    for (group, mut names) in groups {
        names.sort();
        text.push_str(&format!("| {group} ({}) | {} |\n", names.len(), names.join(", ")));
    }
    text
}

#[test]
fn the_table_of_commands_is_that_of_the_rows() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md");
    let readme = std::fs::read_to_string(&path).unwrap();
    let (before, rest) = readme.split_once(BEGIN).expect("the table's first mark");
    let (present, after) = rest.split_once(END).expect("the table's last mark");
    let wanted = table();
    if std::env::var_os("OSTRACON_BLESS").is_some() && present != wanted {
        std::fs::write(&path, [before, BEGIN, &wanted, END, after].concat()).unwrap();
        return;
    }
    assert_eq!(present, wanted, "OSTRACON_BLESS=1 cargo test readme writes it");
}
