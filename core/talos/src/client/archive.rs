//! The archive in which a node sends files: gzip around a tar that is not closed.

use std::io::Read;

use flate2::read::GzDecoder;
use secrecy::SecretString;

/// The first file of the archive, as text of at most `limit` bytes.
///
/// Only the first entry is asked for: there is neither padding nor an end mark after it, so looking for a second one
/// fails.
pub(super) fn first_file(archive: &[u8], limit: usize) -> Result<SecretString, String> {
    // What a small archive can blow up to is bounded before anything is read.
    let bounded = GzDecoder::new(archive).take(u64::try_from(limit).unwrap_or(u64::MAX) + 512);
    let mut tar = tar::Archive::new(bounded);
    let mut entries = tar
        .entries()
        .map_err(|error| format!("the archive cannot be read: {error}"))?;
    let mut entry = entries
        .next()
        .ok_or("the archive is empty")?
        .map_err(|error| format!("the archive cannot be read: {error}"))?;
    let size = entry.size();
    if size > u64::try_from(limit).unwrap_or(u64::MAX) {
        return Err(format!("the file in the archive has {size} bytes, which is too much"));
    }
    let mut text = String::new();
    let read = entry
        .read_to_string(&mut text)
        .map_err(|error| format!("the file in the archive: {error}"))?;
    if u64::try_from(read).ok() != Some(size) {
        return Err(format!("the file in the archive ends after {read} of {size} bytes"));
    }
    Ok(SecretString::from(text))
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::Compression;
    use flate2::write::GzEncoder;
    use proptest::prelude::*;
    use secrecy::ExposeSecret;

    use super::*;

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    /// Header and contents, and nothing after them: as a node sends it.
    fn unterminated(contents: &[u8], claimed: u64) -> Vec<u8> {
        let mut header = tar::Header::new_ustar();
        header.set_path("kubeconfig").unwrap();
        header.set_mode(0o600);
        header.set_size(claimed);
        header.set_cksum();
        [header.as_bytes().as_slice(), contents].concat()
    }

    #[test]
    fn the_unterminated_archive_of_a_node_is_read() {
        let archive = gzip(&unterminated(b"apiVersion: v1\n", 15));
        assert_eq!(first_file(&archive, 1000).unwrap().expose_secret(), "apiVersion: v1\n");
    }

    #[test]
    fn a_truncated_file_is_an_error_and_not_a_short_file() {
        let archive = gzip(&unterminated(b"apiVersion", 15));
        assert!(first_file(&archive, 1000).is_err());
        let whole = gzip(&unterminated(&[b'a'; 600], 600));
        for cut in 0..whole.len() - 9 {
            assert!(first_file(&whole[..cut], 1000).is_err(), "cut at {cut}");
        }
    }

    #[test]
    fn a_file_beyond_the_limit_is_refused() {
        let archive = gzip(&unterminated(&[b'a'; 2000], 2000));
        assert!(first_file(&archive, 1000).is_err());
        assert!(first_file(&gzip(&unterminated(b"", u64::MAX >> 1)), 1000).is_err());
    }

    proptest! {
        #[test]
        fn any_bytes_are_refused_without_a_panic(bytes in proptest::collection::vec(any::<u8>(), 0..2000), pack: bool) {
            let archive = if pack { gzip(&bytes) } else { bytes };
            prop_assert!(first_file(&archive, 1000).is_err());
        }

        #[test]
        fn any_text_comes_back(text in "\\PC{0,300}") {
            let archive = gzip(&unterminated(text.as_bytes(), text.len().try_into().unwrap()));
            let read = first_file(&archive, 2000).unwrap();
            prop_assert_eq!(read.expose_secret(), text);
        }
    }
}
