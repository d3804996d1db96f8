//! The checked-in code is what the .proto files give.

use std::collections::BTreeMap;

#[test]
fn generated_code_is_up_to_date() {
    let fresh = super::generator::generate().unwrap();
    let mut kept = BTreeMap::new();
    for entry in std::fs::read_dir(super::generator::root().join("src/gen")).unwrap() {
        let entry = entry.unwrap();
        let name = entry.file_name().to_string_lossy().into_owned();
        kept.insert(name, std::fs::read_to_string(entry.path()).unwrap());
    }
    let stale: Vec<&String> = fresh
        .keys()
        .chain(kept.keys())
        .filter(|name| fresh.get(*name) != kept.get(*name))
        .collect();
    assert!(
        stale.is_empty(),
        "stale: {stale:?}; run `cargo run -p butler-talos-proto --example generate`"
    );
}
