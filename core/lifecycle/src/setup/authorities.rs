//! Further certificate authorities, for the kind node and for chart repositories: a file or a folder of PEM files.

use std::{
    io,
    path::{Path, PathBuf},
};

use butler_files::{
    Environment,
    environment::BUTLER_CA_CERT_PATH,
    home,
    read::{self, ReadError},
};

use crate::setup::SetupError;

/// More than any bundle of authorities has.
const LIMIT: u64 = 4 << 20;

/// How the certificates in a PEM file begin.
const CERTIFICATE: &[u8] = b"-----BEGIN CERTIFICATE-----";

/// Why the authorities of the environment cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum AuthoritiesError {
    /// A file that cannot be read.
    #[error("cannot read {}", path.display())]
    File {
        /// The file that was to be read.
        path: PathBuf,
        /// Why it cannot be read.
        source: ReadError,
    },
    /// Neither a file nor a folder that can be listed.
    #[error("cannot read {}", path.display())]
    Folder {
        /// The path that the environment names.
        path: PathBuf,
        /// Why it cannot be listed.
        source: io::Error,
    },
    /// A file that is something else.
    #[error("{BUTLER_CA_CERT_PATH}: {} holds no certificate", path.display())]
    NoCertificate {
        /// The file that was read.
        path: PathBuf,
    },
    /// A folder without such files.
    #[error("{} holds no .crt or .pem file", path.display())]
    Empty {
        /// The folder that was listed.
        path: PathBuf,
    },
}

/// The files that the environment names. One without a certificate is refused here, before anything is made.
pub(super) fn files(environment: &Environment) -> Result<Vec<PathBuf>, SetupError> {
    let Some(path) = environment.get(BUTLER_CA_CERT_PATH) else {
        return Ok(Vec::new());
    };
    let files = at(&home::expand(Path::new(path))?)?;
    for path in &files {
        let content = read::file(path, LIMIT).map_err(|source| AuthoritiesError::File {
            path: path.clone(),
            source,
        })?;
        if !content.windows(CERTIFICATE.len()).any(|part| part == CERTIFICATE) {
            return Err(AuthoritiesError::NoCertificate { path: path.clone() }.into());
        }
    }
    Ok(files)
}

/// The file, or the `.crt` and `.pem` files of the folder.
fn at(path: &Path) -> Result<Vec<PathBuf>, AuthoritiesError> {
    if path.is_file() {
        return Ok(vec![path.to_owned()]);
    }
    let failed = |source| AuthoritiesError::Folder {
        path: path.to_owned(),
        source,
    };
    let mut files = Vec::new();
    for entry in std::fs::read_dir(path).map_err(failed)? {
        let file = entry.map_err(failed)?.path();
        if file.extension().is_some_and(|e| e == "crt" || e == "pem") {
            files.push(file);
        }
    }
    files.sort();
    if files.is_empty() {
        return Err(AuthoritiesError::Empty { path: path.to_owned() });
    }
    Ok(files)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn found(path: &Path) -> Result<Vec<PathBuf>, SetupError> {
        files(&[(BUTLER_CA_CERT_PATH, path)].into_iter().collect())
    }

    #[test]
    fn without_the_variable_there_are_none() {
        assert_eq!(files(&Environment::default()).unwrap(), Vec::<PathBuf>::new());
    }

    #[test]
    fn a_folder_gives_its_pem_files_in_order_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let pem = "text before\n-----BEGIN CERTIFICATE-----\nAA==\n-----END CERTIFICATE-----\n";
        for name in ["b.crt", "a.pem", "notes.txt", "key.pem.bak"] {
            fs::write(folder.path().join(name), pem).unwrap();
        }
        let both = ["a.pem", "b.crt"].map(|name| folder.path().join(name));
        assert_eq!(found(folder.path()).unwrap(), both);
        assert_eq!(found(&both[0]).unwrap(), both[..1]);
    }

    #[test]
    fn what_holds_no_certificate_is_refused_with_its_name_and_a_hint() {
        let folder = tempfile::tempdir().unwrap();
        let (empty, key) = (folder.path().join("empty"), folder.path().join("key.pem"));
        fs::create_dir(&empty).unwrap();
        fs::write(&key, "-----BEGIN PRIVATE KEY-----\n").unwrap();
        for (path, words) in [
            (&empty, "empty holds no .crt or .pem file"),
            (&key, "key.pem holds no certificate"),
            (&folder.path().join("nothing"), "cannot read"),
        ] {
            let error = found(path).unwrap_err();
            assert!(error.to_string().contains(words), "{error}");
            assert!(error.hint().is_some_and(|hint| hint.starts_with(BUTLER_CA_CERT_PATH)));
        }
        // One bad file spoils a folder: an authority that is missing would be found out late.
        assert!(matches!(
            found(folder.path()),
            Err(SetupError::Authorities(AuthoritiesError::NoCertificate { path })) if path == key
        ));
    }
}
