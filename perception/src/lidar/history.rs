//! Where the fused points of the last frames are kept.

use std::collections::VecDeque;

/// Fused points of the last frames, each frame's in a slot of its own.
#[derive(Debug)]
pub(super) struct History {
    /// How many frames are kept, the present one included.
    frames: u32,
    /// For how many points a slot has room.
    capacity: u32,
    /// Slot and number of points of each frame, the oldest first.
    kept: VecDeque<(u32, u32)>,
}

impl History {
    pub(super) fn new(frames: u32, capacity: u32) -> Self {
        Self {
            frames,
            capacity,
            kept: VecDeque::new(),
        }
    }

    /// For how many points all slots have room.
    pub(super) fn room(&self) -> usize {
        self.frames as usize * self.capacity as usize
    }

    /// Whether only the present frame is kept.
    pub(super) fn is_short(&self) -> bool {
        self.frames == 1
    }

    /// Begins a frame of so many points, at most the capacity; gives the
    /// place of its first.
    pub(super) fn push(&mut self, points: u32) -> u32 {
        if self.kept.len() == self.frames as usize {
            self.kept.pop_front();
        }
        let slot = self
            .kept
            .back()
            .map_or(0, |(last, _)| (last + 1) % self.frames);
        self.kept.push_back((slot, points));
        slot * self.capacity
    }

    /// Place of the first point and number of points of each frame, the
    /// oldest first.
    pub(super) fn segments(&self) -> Vec<(u32, u32)> {
        let segment = |(slot, points): &(u32, u32)| (slot * self.capacity, *points);
        self.kept.iter().map(segment).collect()
    }

    pub(super) fn forget(&mut self) {
        self.kept.clear();
    }

    /// Makes room for more points in each slot. Gives where the points of each
    /// frame were, where they must go, and how many they are.
    pub(super) fn grow(&mut self, capacity: u32) -> Vec<[u32; 3]> {
        let before = self.segments();
        self.capacity = capacity;
        let after = self.segments();
        let moves = before.into_iter().zip(after);
        moves.map(|((from, n), (to, _))| [from, to, n]).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_frames_are_kept_in_order() {
        let mut history = History::new(3, 100);
        assert_eq!(history.room(), 300);
        let places: Vec<_> = [10, 20, 30, 40].map(|n| history.push(n)).into();
        assert_eq!(places, [0, 100, 200, 0]);
        assert_eq!(history.segments(), [(100, 20), (200, 30), (0, 40)]);
        assert_eq!(
            history.grow(150),
            [[100, 150, 20], [200, 300, 30], [0, 0, 40]]
        );
        assert_eq!(history.push(7), 150);
        history.forget();
        assert_eq!(history.segments(), []);
        assert_eq!(history.push(7), 0);
    }
}
