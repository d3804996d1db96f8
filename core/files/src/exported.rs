//! The mark of a cluster that was exported: its home must not go on with it, because another one may.

use std::{fmt, fs, io};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{
    ClusterFolder,
    home::{self, HomeError},
};

/// When and how a cluster was exported. A mark that cannot be read counts all the same, and says nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Exported {
    /// Which export it was; the archive says the same.
    pub export: Option<Uuid>,
    /// When.
    pub at: Option<Timestamp>,
    /// Where the archive was written to.
    pub to: Option<String>,
}

impl fmt::Display for Exported {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("was exported")?;
        if let Some(at) = self.at {
            write!(f, " on {at:.0}")?;
        }
        if let Some(to) = &self.to {
            write!(f, " to {to}")?;
        }
        Ok(())
    }
}

/// This home handed the cluster over to another one.
#[derive(Debug, thiserror::Error)]
#[error("{cluster} {exported}: the home that imported it goes on with it")]
pub struct HandedOver {
    /// Name of the cluster.
    pub cluster: String,
    /// When and how.
    pub exported: Exported,
}

impl HandedOver {
    /// What a person can do about it.
    pub fn hints(&self) -> [String; 2] {
        let cluster = &self.cluster;
        [
            "run the command in that home; an export from there can be imported here".to_owned(),
            format!("only if nobody has imported it, and nobody will: butleradm bootstrap export {cluster} --undo"),
        ]
    }
}

impl Exported {
    /// The mark of a cluster, if it has one.
    pub fn of(folder: &ClusterFolder) -> Option<Self> {
        match fs::read(folder.exported()) {
            // What cannot be read still says that the cluster is another home's.
            Ok(text) => Some(serde_json::from_slice(&text).unwrap_or_else(|_| Self::default())),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(_) => Some(Self::default()),
        }
    }

    /// An error where the cluster has the mark.
    pub fn refuse(folder: &ClusterFolder) -> Result<(), HandedOver> {
        match Self::of(folder) {
            None => Ok(()),
            Some(exported) => Err(HandedOver {
                cluster: folder.cluster().to_owned(),
                exported,
            }),
        }
    }

    /// Marks a cluster.
    pub fn write(&self, folder: &ClusterFolder) -> Result<(), HomeError> {
        let text = serde_json::to_vec(self).expect("plain data serialises");
        home::write_secret(&folder.exported(), &text)
    }

    /// Takes the mark away.
    pub fn remove(folder: &ClusterFolder) -> Result<(), HomeError> {
        let path = folder.exported();
        fs::remove_file(&path).map_err(|source| HomeError::Io {
            action: "remove",
            path,
            source,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::home::Home;

    #[test]
    fn a_mark_refuses_whatever_it_says_until_it_is_gone() {
        let root = tempfile::tempdir().unwrap();
        let folder = Home::below(root.path()).cluster("demo");
        home::private_folder(folder.path()).unwrap();
        assert!(Exported::refuse(&folder).is_ok());
        let mark = Exported {
            export: Some(Uuid::nil()),
            at: Some("2026-11-29T12:30:04Z".parse().unwrap()),
            to: Some("/tmp/demo.age".to_owned()),
        };
        mark.write(&folder).unwrap();
        assert_eq!(Exported::of(&folder), Some(mark));
        let error = Exported::refuse(&folder).unwrap_err().to_string();
        assert!(
            error.starts_with("demo was exported on 2026-11-29T12:30:04Z to /tmp/demo.age: "),
            "{error}"
        );
        fs::write(folder.exported(), "\0\0").unwrap();
        let error = Exported::refuse(&folder).unwrap_err().to_string();
        assert!(error.starts_with("demo was exported: "), "{error}");
        Exported::remove(&folder).unwrap();
        assert!(Exported::refuse(&folder).is_ok());
    }
}
