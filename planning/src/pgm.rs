//! Portable grey maps: the pictures of maps, in Netpbm's forms P2 (digits)
//! and P5 (bytes).

/// A grey picture, row by row from the top.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Pgm {
    /// Columns and rows.
    pub(crate) size: [u32; 2],
    /// The value of white.
    pub(crate) white: u16,
    /// Each at most [`Pgm::white`].
    pub(crate) pixels: Vec<u16>,
}

/// What the bytes begin with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    Digits,
    Bytes,
}

impl Pgm {
    /// Whether the bytes begin as such a picture does.
    pub(crate) fn recognises(bytes: &[u8]) -> bool {
        matches!(bytes, [b'P', b'2' | b'5', ..])
    }

    /// Reads a picture whose size `fits`; else says what was expected.
    pub(crate) fn parse(
        bytes: &[u8],
        fits: impl FnOnce([u32; 2]) -> Result<(), String>,
    ) -> Result<Self, String> {
        let (form, rest) = match bytes {
            [b'P', b'2', rest @ ..] => (Form::Digits, rest),
            [b'P', b'5', rest @ ..] => (Form::Bytes, rest),
            _ => return Err("P2 or P5 at its beginning".into()),
        };
        let mut words = Words { rest };
        let mut header = |what: &str| {
            let word = words.next();
            word.ok_or_else(|| format!("{what} in its header"))
        };
        let size = [header("a width")?, header("a height")?];
        let white = header("a greatest value")?;
        let white = u16::try_from(white).ok().filter(|&white| white > 0);
        let white = white.ok_or("a greatest value from 1 to 65535")?;
        fits(size)?;
        let count = size[0] as usize * size[1] as usize;
        let pixels: Vec<u16> = match form {
            Form::Digits => words
                .take(count)
                .map(|value| value.min(u32::from(u16::MAX)) as u16)
                .collect(),
            // One white space ends the header.
            Form::Bytes => match (words.rest.get(1..).unwrap_or_default(), white) {
                (bytes, 0..=255) => bytes.iter().take(count).map(|&b| u16::from(b)).collect(),
                (bytes, _) => {
                    let pairs = bytes.chunks_exact(2).take(count);
                    pairs
                        .map(|pair| u16::from_be_bytes([pair[0], pair[1]]))
                        .collect()
                }
            },
        };
        if pixels.len() < count {
            return Err(format!("{count} pixels, found {}", pixels.len()));
        }
        if let Some(at) = pixels.iter().position(|&value| value > white) {
            return Err(format!(
                "values up to {white}, found {} at pixel {at}",
                pixels[at]
            ));
        }
        Ok(Self {
            size,
            white,
            pixels,
        })
    }
}

/// The numbers of a text with comments; ends at what is none.
struct Words<'a> {
    rest: &'a [u8],
}

impl Iterator for Words<'_> {
    type Item = u32;

    fn next(&mut self) -> Option<u32> {
        loop {
            match self.rest {
                [b'#', ..] => {
                    let end = self.rest.iter().position(|&b| b == b'\n' || b == b'\r')?;
                    self.rest = &self.rest[end..];
                }
                [space, rest @ ..] if space.is_ascii_whitespace() => self.rest = rest,
                _ => break,
            }
        }
        let digits = self.rest.iter().take_while(|b| b.is_ascii_digit()).count();
        let (word, rest) = self.rest.split_at(digits);
        self.rest = rest;
        std::str::from_utf8(word).ok()?.parse().ok()
    }
}
