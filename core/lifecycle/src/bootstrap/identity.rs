//! The identity of a cluster before its first run: whoever makes something for it early promises one, and the run takes it.

use butler_engine::journal;
use butler_files::{
    ClusterFolder,
    home::{self, HomeError},
    read,
};
use butler_infra::Owner;
use uuid::Uuid;

use super::{Known, Learned};

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

/// The owner of what a run makes: with the identity that the journal knows. A first run takes the promised one, which what was
/// made for the cluster before carries; else a new one.
pub(crate) fn owner(cluster: &str, known: &Known, files: &ClusterFolder) -> Owner {
    let known = known.cluster.as_ref().map(|(_, id)| *id);
    Owner {
        cluster_id: known.or_else(|| promised(files)).unwrap_or_else(Uuid::new_v4),
        cluster_name: cluster.to_owned(),
    }
}

/// The identity that was promised. A promise that cannot be read is none: what was made with it is made again.
fn promised(files: &ClusterFolder) -> Option<Uuid> {
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
        assert_eq!(owner("demo", &Known::default(), &files).cluster_id, id);
        assert_ne!(promise(&home.cluster("other")).unwrap(), id);
        // Nothing of it looks like a cluster that exists.
        assert!(home.made_clusters().unwrap().is_empty());
        settle(&files);
        assert_eq!(promised(&files), None);
        settle(&files);
    }
}
