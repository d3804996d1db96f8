//! The crate is built in layers: no circle of its top-level modules.

#[path = "../../../tests/common/structure.rs"]
mod structure;

use std::path::Path;

#[test]
fn no_folder_uses_one_that_uses_it() {
    let circles = structure::cycles(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"));
    assert!(circles.is_empty(), "{circles:#?}");
}

#[test]
fn a_circle_is_found_through_groups_and_above_but_not_through_tests_and_texts() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    };
    write("lib.rs", "mod a; mod b; mod c; mod d;");
    write("a/mod.rs", "use crate::{b::{X, Y}, d};");
    write("b.rs", "use std::fmt; fn f() { super::c::g() }");
    write("c/mod.rs", "mod inner;");
    write("c/inner.rs", "use super::super::a::Z;");
    write(
        "d.rs",
        "// crate::a\nconst T: &str = \"crate::a\"; #[cfg(test)] mod tests { use crate::a; } fn h() {}",
    );
    let circles = structure::cycles(folder.path());
    let uses = ["a uses b (a/mod.rs)", "b uses c (b.rs)", "c uses a (c/inner.rs)"];
    assert_eq!(circles, [uses]);
}
