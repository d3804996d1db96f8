//! The crate is built in layers: no circle of its top-level modules.

#[path = "../../../tests/common/structure.rs"]
mod structure;

use std::path::Path;

#[test]
fn no_folder_uses_one_that_uses_it() {
    let circles = structure::cycles(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"));
    assert!(circles.is_empty(), "{circles:#?}");
}
