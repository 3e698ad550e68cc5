//! The Common Data Representation in which ROS 2 sends its messages: plain
//! CDR, little endian (OMG, *DDS Interoperability Wire Protocol*, 10.5).

use crate::geometry::Pose;

/// One message as it is written.
pub(super) struct Cdr(Vec<u8>);

/// What precedes the message: CDR_LE and no options. Alignment counts from
/// behind it.
const ENCAPSULATION: [u8; 4] = [0, 1, 0, 0];

impl Cdr {
    /// A message of about `bytes` bytes.
    pub(super) fn new(bytes: usize) -> Self {
        let mut message = Vec::with_capacity(ENCAPSULATION.len() + bytes);
        message.extend(ENCAPSULATION);
        Self(message)
    }

    pub(super) fn finish(self) -> Vec<u8> {
        self.0
    }

    fn aligned<const N: usize>(&mut self, number: [u8; N]) {
        let length = (self.0.len() - ENCAPSULATION.len()).next_multiple_of(N);
        self.0.resize(ENCAPSULATION.len() + length, 0);
        self.0.extend(number);
    }

    pub(super) fn u8(&mut self, number: u8) {
        self.0.push(number);
    }

    pub(super) fn i32(&mut self, number: i32) {
        self.aligned(number.to_le_bytes());
    }

    pub(super) fn u32(&mut self, number: u32) {
        self.aligned(number.to_le_bytes());
    }

    pub(super) fn f64(&mut self, number: f64) {
        self.aligned(number.to_le_bytes());
    }

    /// The elements of an array of fixed length.
    pub(super) fn f64s(&mut self, numbers: &[f64]) {
        numbers.iter().for_each(|number| self.f64(*number));
    }

    /// The length of a sequence, before its elements.
    pub(super) fn length(&mut self, length: usize) {
        self.u32(length as u32);
    }

    pub(super) fn bytes(&mut self, bytes: &[u8]) {
        self.length(bytes.len());
        self.0.extend(bytes);
    }

    pub(super) fn string(&mut self, text: &str) {
        self.length(text.len() + 1);
        self.0.extend(text.bytes());
        self.0.push(0);
    }

    /// std_msgs/Header.
    pub(super) fn header(&mut self, time: super::Time, frame: &str) {
        self.i32(time.sec);
        self.u32(time.nanosec);
        self.string(frame);
    }

    /// geometry_msgs/Pose, or Transform, which has the same layout.
    pub(super) fn pose(&mut self, pose: &Pose) {
        self.f64s(pose.translation.vector.as_slice());
        // As i, j, k, w.
        self.f64s(pose.rotation.coords.as_slice());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_aligned_to_their_size_behind_the_encapsulation() {
        let mut cdr = Cdr::new(0);
        cdr.u8(7);
        cdr.u32(0x0403_0201);
        cdr.string("ab");
        cdr.f64(1.0);
        cdr.bytes(&[9]);
        cdr.i32(-2);
        let expected: &[&[u8]] = &[
            &[0, 1, 0, 0],
            &[7, 0, 0, 0, 1, 2, 3, 4],
            &[3, 0, 0, 0, b'a', b'b', 0, 0],
            &[0, 0, 0, 0, 0, 0, 0xF0, 0x3F],
            &[1, 0, 0, 0, 9, 0, 0, 0],
            &[0xFE, 0xFF, 0xFF, 0xFF],
        ];
        assert_eq!(cdr.finish(), expected.concat());
    }
}
