//! Ways to spoil a file, at random but the same for the same seed.

/// What files are spoilt with, one after the other.
pub(crate) struct Mutator {
    state: u64,
}

/// Words in the place of a number.
const NUMBERS: [&str; 8] = [
    "nan",
    "inf",
    "-inf",
    "-1",
    "1e38",
    "-1e308",
    "99999999999999999999",
    "",
];
/// Sizes that lie, and stamps before 1970 and long after today.
const LIES: [i64; 9] = [
    -1,
    0,
    i64::MAX,
    i64::MIN,
    i32::MAX as i64,
    i32::MIN as i64,
    u32::MAX as i64,
    1 << 40,
    -(1 << 60),
];
const STAMPS: [i64; 6] = [
    -1,
    -1_700_000_000_000_000_000,
    4_000_000_000_000_000_000,
    i64::MAX,
    i64::MIN,
    0,
];

impl Mutator {
    pub(crate) fn new(seed: u64) -> Self {
        Self { state: seed }
    }

    /// SplitMix64 (Steele, Lea and Flood, OOPSLA 2014).
    fn next(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.state;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// Below `end`; 0 where that is 0.
    pub(crate) fn below(&mut self, end: usize) -> usize {
        self.next().checked_rem(end as u64).unwrap_or_default() as usize
    }

    fn one<T: Copy>(&mut self, of: &[T]) -> T {
        of[self.below(of.len())]
    }

    /// Spoils a file in one way; `other` is another of its log.
    pub(crate) fn spoil(&mut self, bytes: &mut Vec<u8>, other: &[u8]) -> &'static str {
        if bytes.is_empty() {
            bytes.extend(&other[..other.len().min(40)]);
            return "filled";
        }
        match self.below(9) {
            0 => self.cut(bytes),
            1 => self.flip(bytes),
            2 => self.splice(bytes, other),
            3 => self.lie(bytes),
            4 => self.poison(bytes),
            5 | 6 => self.number(bytes),
            7 => self.stamp(bytes),
            _ => self.flatten(bytes),
        }
    }

    fn cut(&mut self, bytes: &mut Vec<u8>) -> &'static str {
        bytes.truncate(self.below(bytes.len()));
        "cut"
    }

    fn flip(&mut self, bytes: &mut [u8]) -> &'static str {
        for _ in 0..=self.below(4) {
            let at = self.below(bytes.len());
            bytes[at] ^= 1 << self.below(8);
        }
        "flipped"
    }

    /// A piece of a file instead of one, or between two.
    fn splice(&mut self, bytes: &mut Vec<u8>, other: &[u8]) -> &'static str {
        let from = self.below(other.len());
        let length = self.below((other.len() - from).min(200) + 1);
        let at = self.below(bytes.len());
        let replaced = self.one(&[0, length]).min(bytes.len() - at);
        bytes.splice(
            at..at + replaced,
            other[from..from + length].iter().copied(),
        );
        "spliced"
    }

    fn lie(&mut self, bytes: &mut [u8]) -> &'static str {
        let lie = self.one(&LIES).to_le_bytes();
        let size = self.one(&[4, 8]);
        self.put(bytes, &lie[..size]);
        "lied about a size"
    }

    fn poison(&mut self, bytes: &mut [u8]) -> &'static str {
        let value = self.one(&[f64::NAN, f64::INFINITY, f64::NEG_INFINITY, 1e38]);
        match self.below(2) {
            0 => self.put(bytes, &(value as f32).to_le_bytes()),
            _ => self.put(bytes, &value.to_le_bytes()),
        }
        "poisoned"
    }

    /// Another word in the place of a number; of what is no text, poison.
    fn number(&mut self, bytes: &mut Vec<u8>) -> &'static str {
        let numbers = numbers(bytes);
        if numbers.is_empty() || std::str::from_utf8(bytes).is_err() {
            return self.poison(bytes);
        }
        let number = numbers[self.below(numbers.len())].clone();
        let word = self.one(&NUMBERS);
        bytes.splice(number, word.bytes());
        "another number"
    }

    /// Another time in the place of one, in words or in bytes.
    fn stamp(&mut self, bytes: &mut Vec<u8>) -> &'static str {
        let stamp = self.one(&STAMPS);
        let mut long = numbers(bytes);
        long.retain(|number| number.len() >= 10);
        if !long.is_empty() && std::str::from_utf8(bytes).is_ok() {
            let number = long[self.below(long.len())].clone();
            bytes.splice(number, stamp.to_string().bytes());
            return "another time";
        }
        let times = |eight: &[u8]| {
            let eight: [u8; 8] = eight.try_into().expect("eight");
            let seconds = u64::from(u32::from_le_bytes([eight[0], eight[1], eight[2], eight[3]]));
            let ns = [u64::from_le_bytes(eight), u64::from_be_bytes(eight)];
            let now =
                |time: u64, second: u64| (time / second).abs_diff(1_650_000_000) < 100_000_000;
            now(seconds, 1) || ns.into_iter().any(|ns| now(ns, 1_000_000_000))
        };
        let windows = bytes.windows(8).enumerate();
        let places = windows.filter_map(|(at, eight)| times(eight).then_some(at));
        let places: Vec<usize> = places.collect();
        if places.is_empty() {
            return self.lie(bytes);
        }
        let at = places[self.below(places.len())];
        let size = self.one(&[4, 8]);
        bytes[at..at + size].copy_from_slice(&stamp.to_le_bytes()[..size]);
        "another time"
    }

    /// Zeros in the place of all numbers of a line, or of a matrix.
    fn flatten(&mut self, bytes: &mut Vec<u8>) -> &'static str {
        if std::str::from_utf8(bytes).is_ok() {
            let at = self.below(bytes.len());
            let before = bytes[..at].iter().rposition(|byte| *byte == b'\n');
            let after = bytes[at..].iter().position(|byte| *byte == b'\n');
            let line = before.map_or(0, |nth| nth + 1)..after.map_or(bytes.len(), |nth| at + nth);
            for number in numbers(&bytes[line.clone()]).into_iter().rev() {
                let number = line.start + number.start..line.start + number.end;
                bytes.splice(number, *b"0");
            }
        } else {
            let zeros = [0; 96];
            let length = 8 * (1 + self.below(12));
            self.put(bytes, &zeros[..length]);
        }
        "flattened"
    }

    /// Over what is there, as far as that goes.
    fn put(&mut self, bytes: &mut [u8], content: &[u8]) {
        let at = self.below(bytes.len());
        let room = (bytes.len() - at).min(content.len());
        bytes[at..at + room].copy_from_slice(&content[..room]);
    }
}

/// Where numbers stand in a text.
fn numbers(text: &[u8]) -> Vec<std::ops::Range<usize>> {
    let belongs = |byte: u8| byte.is_ascii_digit() || matches!(byte, b'.' | b'-');
    let mut numbers: Vec<std::ops::Range<usize>> = Vec::new();
    for (at, _) in text.iter().enumerate().filter(|(_, byte)| belongs(**byte)) {
        match numbers.last_mut() {
            Some(last) if last.end == at => last.end = at + 1,
            _ => numbers.push(at..at + 1),
        }
    }
    numbers
}
