//! What is in the file of an image: whether a machine boots from it, and how large a disk it makes.

use super::iso::Iso;

/// A file from which a machine may boot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Image {
    /// The file is all there: a machine boots from it.
    pub whole: bool,
    /// The size of the disk that is made from it, in bytes.
    pub virtual_size: u64,
}

/// Looks at a file, by the extension of its name. What is no image of that format is not whole.
pub fn inspect(name: &str, bytes: &[u8]) -> Image {
    let length = bytes.len() as u64;
    let nothing = Image {
        whole: false,
        virtual_size: length,
    };
    match name.rsplit('.').next().unwrap_or("") {
        "qcow2" => qcow2(bytes).unwrap_or(nothing),
        "raw" | "img" => Image {
            whole: bytes.get(510..512) == Some(&[0x55, 0xaa]),
            virtual_size: length,
        },
        "iso" => Image {
            whole: Iso::read(bytes).is_some_and(|iso| iso.bootable),
            virtual_size: length,
        },
        _ => nothing,
    }
}

/// A qcow2 file is whole when the tables that its header names are inside it.
fn qcow2(bytes: &[u8]) -> Option<Image> {
    if bytes.get(..4)? != b"QFI\xfb" {
        return None;
    }
    let eight = |at: usize| Some(u64::from_be_bytes(bytes.get(at..at + 8)?.try_into().ok()?));
    let four = |at: usize| Some(u32::from_be_bytes(bytes.get(at..at + 4)?.try_into().ok()?));
    let cluster = 1u64.checked_shl(four(20)?)?;
    let ends = [
        eight(40)?.checked_add(u64::from(four(36)?) * 8)?,
        eight(48)?.checked_add(u64::from(four(56)?).checked_mul(cluster)?)?,
    ];
    Some(Image {
        whole: ends.iter().all(|end| *end <= bytes.len() as u64),
        virtual_size: eight(24)?,
    })
}
