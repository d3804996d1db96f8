//! Writes `src/gen/` from `proto/`: `cargo run -p butler-talos-proto --example generate`.

#[path = "../tests/proto/generator.rs"]
mod generator;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let target = generator::root().join("src/gen");
    let fresh = generator::generate()?;
    std::fs::create_dir_all(&target)?;
    for entry in std::fs::read_dir(&target)? {
        std::fs::remove_file(entry?.path())?;
    }
    for (name, text) in fresh {
        std::fs::write(target.join(name), text)?;
    }
    Ok(())
}
