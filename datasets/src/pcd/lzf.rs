//! Marc Lehmann's LZF, with which PCD files are compressed.

/// The `size` bytes that were compressed to `packed`; `None` if it says
/// something else.
///
/// A control byte below 32 is followed by one more literal byte than it says.
/// Any other begins a copy of bytes that have come out before: its upper three
/// bits are the length less two, and if they are all set a byte follows that
/// adds to it; its lower five bits and the next byte are the distance less
/// one.
pub(super) fn decompress(packed: &[u8], size: usize) -> Option<Vec<u8>> {
    let mut out = Vec::with_capacity(size);
    let mut bytes = packed;
    while let Some((&control, rest)) = bytes.split_first() {
        let control = usize::from(control);
        let length;
        if control < 32 {
            length = control + 1;
            let (literal, rest) = rest.split_at_checked(length)?;
            bytes = rest;
            if length > size - out.len() {
                return None;
            }
            out.extend_from_slice(literal);
        } else {
            let (more, rest) = match control >> 5 {
                7 => rest
                    .split_first()
                    .map(|(more, rest)| (usize::from(*more), rest))?,
                _ => (0, rest),
            };
            length = (control >> 5) + 2 + more;
            let (&low, rest) = rest.split_first()?;
            bytes = rest;
            let distance = ((control & 31) << 8 | usize::from(low)) + 1;
            let from = out.len().checked_sub(distance)?;
            if length > size - out.len() {
                return None;
            }
            // The copy may run into what it has itself put out.
            for at in from..from + length {
                out.push(out[at]);
            }
        }
    }
    (out.len() == size).then_some(out)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Takes the longest copy within reach at each place.
    fn compress(bytes: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        let mut literal = Vec::new();
        let flush = |literal: &mut Vec<u8>, out: &mut Vec<u8>| {
            for part in literal.chunks(32) {
                out.push(part.len() as u8 - 1);
                out.extend(part);
            }
            literal.clear();
        };
        let mut at = 0;
        while at < bytes.len() {
            let same = |from: usize| {
                let pairs = bytes[from..].iter().zip(&bytes[at..]);
                pairs.take(264).take_while(|(a, b)| a == b).count()
            };
            let reach = at.saturating_sub(8192)..at;
            let best = reach.map(|from| (same(from), at - from)).max();
            match best {
                Some((length @ 3.., distance)) => {
                    flush(&mut literal, &mut out);
                    let [high, low] = (distance as u16 - 1).to_be_bytes();
                    let code = length - 2;
                    out.push((code.min(7) as u8) << 5 | high);
                    out.extend((code >= 7).then(|| (code - 7) as u8));
                    out.push(low);
                    at += length;
                }
                _ => {
                    literal.push(bytes[at]);
                    at += 1;
                }
            }
        }
        flush(&mut literal, &mut out);
        out
    }

    #[test]
    fn copies_may_overlap_themselves() {
        // One literal, and 2 + 7 + 3 bytes from a distance of 1.
        assert_eq!(
            decompress(&[0, b'a', 7 << 5, 3, 0], 13),
            Some(vec![b'a'; 13])
        );
        assert_eq!(decompress(&[], 0), Some(vec![]));
    }

    #[test]
    fn what_says_something_else_is_refused() {
        for (packed, size) in [
            (&[0, b'a'][..], 2),        // too short
            (&[0, b'a', 0, b'b'], 1),   // too long
            (&[5, b'a'], 6),            // breaks off in a literal
            (&[0, b'a', 1 << 5], 4),    // breaks off in a copy
            (&[0, b'a', 7 << 5], 10),   // breaks off in its length
            (&[0, b'a', 1 << 5, 1], 4), // from before the start
            (&[0, b'a', 1 << 5, 0], 3), // a copy that is too long
        ] {
            assert_eq!(decompress(packed, size), None, "{packed:?}");
        }
    }

    proptest! {
        #[test]
        fn what_was_compressed_comes_back(
            runs in prop::collection::vec((0u8..4, 1usize..400), 0..30),
            noise in prop::collection::vec(any::<u8>(), 0..200),
        ) {
            let mut bytes: Vec<u8> = runs.iter().flat_map(|(byte, n)| vec![*byte; *n]).collect();
            bytes.extend(&noise);
            bytes.extend_from_within(..bytes.len().min(300));
            let packed = compress(&bytes);
            prop_assert_eq!(decompress(&packed, bytes.len()), Some(bytes));
        }

        #[test]
        fn any_bytes_are_unpacked_or_refused(packed in prop::collection::vec(any::<u8>(), 0..200), size in 0usize..5000) {
            if let Some(out) = decompress(&packed, size) {
                prop_assert_eq!(out.len(), size);
            }
        }
    }
}
