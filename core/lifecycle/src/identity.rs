//! The identity of a cluster before its first run: whoever makes something for it early promises one, and the run takes it.

use butler_engine::journal;
use butler_files::{
    ClusterFolder,
    home::{self, HomeError},
    read,
};
use uuid::Uuid;

use crate::bootstrap::{Known, Learned};

/// The most that is read of a promise: it is a line.
const LARGEST: u64 = 1 << 10;

/// The identity of a cluster, which its first run will take: that of its journal, else the promised one, else one that is
/// promised now. It is on disk when this returns.
pub(crate) fn promise(files: &ClusterFolder) -> Result<Uuid, HomeError> {
    if let Some(id) = of_journal(files).or_else(|| promised(files)) {
        return Ok(id);
    }
    let id = Uuid::new_v4();
    home::write_secret(&files.promised_identity(), format!("{id}\n").as_bytes())?;
    Ok(id)
}

/// The identity that was promised. A promise that cannot be read is none: what was made with it is made again.
pub(crate) fn promised(files: &ClusterFolder) -> Option<Uuid> {
    let bytes = read::file(&files.promised_identity(), LARGEST).ok()?;
    std::str::from_utf8(&bytes).ok()?.trim().parse().ok()
}

/// The promise is kept, or not wanted any more: another cluster of this name gets an identity of its own.
pub(crate) fn settle(files: &ClusterFolder) {
    let path = files.promised_identity();
    if let Err(error) = std::fs::remove_file(&path)
        && error.kind() != std::io::ErrorKind::NotFound
    {
        tracing::warn!(%error, path = %path.display(), "the promise of an identity is left");
    }
}

fn of_journal(files: &ClusterFolder) -> Option<Uuid> {
    let known = match journal::find::<Learned>(&files.journal(), &[]) {
        Ok(found) => Known::of(&found.records),
        Err(unusable) => unusable.told,
    };
    known.cluster.map(|(_, id)| id)
}

#[cfg(test)]
mod tests {
    use butler_files::home::Home;

    use super::*;

    #[test]
    fn a_promise_holds_until_it_is_kept() {
        let folder = tempfile::tempdir().unwrap();
        let home = Home::below(folder.path());
        let files = home.cluster("demo");
        assert_eq!(promised(&files), None);
        let id = promise(&files).unwrap();
        assert_eq!(promise(&files).unwrap(), id);
        assert_eq!(promised(&files), Some(id));
        assert_ne!(promise(&home.cluster("other")).unwrap(), id);
        // Nothing of it looks like a cluster that exists.
        assert!(home.made_clusters().unwrap().is_empty());
        settle(&files);
        assert_eq!(promised(&files), None);
        settle(&files);
    }
}
