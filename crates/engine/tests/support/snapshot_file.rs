//! The file of a snapshot that left its store, taken apart and put together again with the checksum as it must
//! be: whoever writes such a file can do that too.

/// The frames of an exported file: genesis, payload, native hash, then chunks.
pub(crate) fn frames(file: &[u8]) -> Vec<Vec<u8>> {
    let mut rest = &file[8..];
    let mut found = Vec::new();
    loop {
        let (length, after) = rest.split_first_chunk::<4>().expect("a length");
        let length = u32::from_le_bytes(*length) as usize;
        if length == 0 {
            return found;
        }
        found.push(after[..length].to_vec());
        rest = &after[length..];
    }
}

/// A file of these frames.
pub(crate) fn file_of(frames: &[Vec<u8>]) -> Vec<u8> {
    let mut file = b"mcsnap\0\x01".to_vec();
    for frame in frames {
        file.extend_from_slice(&(frame.len() as u32).to_le_bytes());
        file.extend_from_slice(frame);
    }
    file.extend_from_slice(&[0; 4]);
    let hash = blake3::hash(&file);
    file.extend_from_slice(hash.as_bytes());
    file
}
