//! The README's key table is the one that the key map and the catalogue make. `ROLLDECK_BLESS=1` writes it anew.

use std::fs;
use std::path::Path;

use rolldeck::app::keymap::{KeyRow, Keymap};
use rolldeck::config::keymap;

const FROM: &str = "<!-- keys -->\n";
const TO: &str = "<!-- /keys -->";

fn table() -> String {
    let rows = keymap::load(None).unwrap();
    let keymap =
        Keymap::new(rows.iter().map(|row| KeyRow { mode: &row.mode, key: &row.keys, action: &row.action, embedded: row.embedded }))
            .unwrap();
    let mut table = String::from("\n| | keys | action | what it does |\n|---|---|---|---|\n");
    let mut last = None;
    for (group, keys, name, doc) in keymap.table() {
        let title = if last.replace(group) == Some(group) { "" } else { group.title() };
        let keys = keys.replace('|', "\\|");
        table.extend(["| ", title, " | ", &keys, " | `", name, "` | ", doc, " |\n"]);
    }
    table.push('\n');
    table
}

#[test]
fn the_key_table_is_the_one_that_holds() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md");
    let readme = fs::read_to_string(&path).unwrap();
    let from = readme.find(FROM).unwrap() + FROM.len();
    let to = readme.find(TO).unwrap();
    if std::env::var_os("ROLLDECK_BLESS").is_some() {
        fs::write(&path, format!("{}{}{}", &readme[..from], table(), &readme[to..])).unwrap();
        return;
    }
    assert_eq!(&readme[from..to], table(), "run this test with ROLLDECK_BLESS=1");
}
