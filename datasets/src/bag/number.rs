//! Numbers as messages hold them.

/// How a number is laid out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Number {
    I8,
    U8,
    I16,
    U16,
    I32,
    U32,
    I64,
    U64,
    F32,
    F64,
}

impl Number {
    /// The type that `sensor_msgs/PointField` gives a number.
    pub(super) fn of_point_field(datatype: u64) -> Option<Self> {
        Some(match datatype {
            1 => Self::I8,
            2 => Self::U8,
            3 => Self::I16,
            4 => Self::U16,
            5 => Self::I32,
            6 => Self::U32,
            7 => Self::F32,
            8 => Self::F64,
            _ => return None,
        })
    }

    /// The type that `foxglove.PackedElementField` gives a number; it counts
    /// the unsigned ones first.
    pub(super) fn of_packed_element(kind: i32) -> Option<Self> {
        Some(match kind {
            1 => Self::U8,
            2 => Self::I8,
            3 => Self::U16,
            4 => Self::I16,
            5 => Self::U32,
            6 => Self::I32,
            7 => Self::F32,
            8 => Self::F64,
            _ => return None,
        })
    }

    /// Bytes.
    pub(super) fn size(self) -> usize {
        match self {
            Self::I8 | Self::U8 => 1,
            Self::I16 | Self::U16 => 2,
            Self::I32 | Self::U32 | Self::F32 => 4,
            Self::I64 | Self::U64 | Self::F64 => 8,
        }
    }

    /// Whether it is one of the floats.
    pub(super) fn is_float(self) -> bool {
        matches!(self, Self::F32 | Self::F64)
    }

    /// The bits of the number that `bytes` begin with, or of zero where they
    /// are too few.
    fn bits(self, bytes: &[u8], big_endian: bool) -> u64 {
        let mut word = [0; 8];
        let bytes = bytes.get(..self.size()).unwrap_or_default();
        for (to, from) in word.iter_mut().zip(bytes) {
            *to = *from;
        }
        if big_endian {
            word[..bytes.len()].reverse();
        }
        u64::from_le_bytes(word)
    }

    /// The number that `bytes` begin with; whole numbers beyond 2⁵³ are
    /// rounded.
    #[inline]
    pub(super) fn real(self, bytes: &[u8], big_endian: bool) -> f64 {
        let bits = self.bits(bytes, big_endian);
        match self {
            Self::F32 => f64::from(f32::from_bits(bits as u32)),
            Self::F64 => f64::from_bits(bits),
            Self::U64 => bits as f64,
            _ => self.signed(bits) as f64,
        }
    }

    /// The whole number that `bytes` begin with; of a float the part before
    /// the point.
    pub(super) fn whole(self, bytes: &[u8], big_endian: bool) -> i128 {
        match self {
            Self::F32 | Self::F64 => self.real(bytes, big_endian) as i128,
            Self::U64 => i128::from(self.bits(bytes, big_endian)),
            _ => i128::from(self.signed(self.bits(bytes, big_endian))),
        }
    }

    fn signed(self, bits: u64) -> i64 {
        match self {
            Self::I8 => i64::from(bits as i8),
            Self::I16 => i64::from(bits as i16),
            Self::I32 => i64::from(bits as i32),
            _ => bits as i64,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn numbers_are_read_in_both_orders(whole: i64, real: f32) {
            for big in [false, true] {
                let bytes = |le: &[u8]| -> Vec<u8> {
                    if big { le.iter().rev().copied().collect() } else { le.to_vec() }
                };
                prop_assert_eq!(Number::I64.whole(&bytes(&whole.to_le_bytes()), big), i128::from(whole));
                prop_assert_eq!(Number::U64.whole(&bytes(&whole.to_le_bytes()), big), i128::from(whole as u64));
                prop_assert_eq!(Number::I16.whole(&bytes(&(whole as i16).to_le_bytes()), big), i128::from(whole as i16));
                prop_assert_eq!(Number::U8.real(&bytes(&(whole as u8).to_le_bytes()), big), f64::from(whole as u8));
                let read = Number::F32.real(&bytes(&real.to_le_bytes()), big);
                prop_assert_eq!(read.to_bits(), f64::from(real).to_bits());
                let read = Number::F64.real(&bytes(&f64::from(real).to_le_bytes()), big);
                prop_assert_eq!(read.to_bits(), f64::from(real).to_bits());
            }
        }
    }
}
