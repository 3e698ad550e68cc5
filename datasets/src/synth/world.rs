//! The street: a road, and boxes that stand beside it on flat ground.

use nalgebra::Vector2;

use super::random::Random;
use super::road::{Road, left_of};

/// Indices of the sides of the street, seen by the vehicle.
pub(super) const RIGHT: usize = 0;
pub(super) const LEFT: usize = 1;
/// Outer edges of the two lanes, right and left, m to the left of the road's
/// line, which is the middle of the right one.
pub(super) const LANES: [f64; 2] = [-1.6, 4.8];
/// The line between the lanes.
pub(super) const MIDDLE: f64 = 1.6;
/// Kerbs, right and left; cars park within them.
pub(super) const KERBS: [f64; 2] = [-3.8, 7.0];
/// Fraction of light that the ground sends back.
pub(super) const GROUND_REFLECTANCE: f64 = 0.2;

/// An upright box on the ground.
#[derive(Clone, Debug)]
pub(super) struct Block {
    pub(super) centre: Vector2<f64>,
    /// The unit vector along its length.
    pub(super) ahead: Vector2<f64>,
    /// Half its length and width, m.
    pub(super) half: [f64; 2],
    /// Height, m.
    pub(super) height: f64,
    /// RGB.
    pub(super) colour: [u8; 3],
    /// Fraction of light that it sends back.
    pub(super) reflectance: f64,
}

/// Where a vertical plane cuts a block, as distances along a level ray in
/// multiples of its direction.
#[derive(Clone, Copy, Debug)]
pub(super) struct Cut<'a> {
    pub(super) block: &'a Block,
    /// Where the ray enters; negative if it begins within.
    pub(super) enter: f64,
    /// Where it leaves.
    pub(super) exit: f64,
    /// Whether it enters by an end, and not by a long side.
    pub(super) by_end: bool,
}

impl Block {
    /// Where a ray cuts the block (the slab method of Kay & Kajiya, 1986);
    /// `None` if the block is beside or behind.
    fn cut(&self, from: Vector2<f64>, along: Vector2<f64>) -> Option<Cut<'_>> {
        let axes = [self.ahead, left_of(self.ahead)];
        let to = self.centre - from;
        let mut cut = Cut {
            block: self,
            enter: f64::NEG_INFINITY,
            exit: f64::INFINITY,
            by_end: true,
        };
        for (i, axis) in axes.into_iter().enumerate() {
            let (distance, speed) = (to.dot(&axis), along.dot(&axis));
            // Where the speed is zero these are infinities of either the
            // same or opposite signs, or NaN on the very edge.
            let [a, b] = [-self.half[i], self.half[i]].map(|half| (distance + half) / speed);
            let (near, far) = if a < b { (a, b) } else { (b, a) };
            if near > cut.enter {
                cut.enter = near;
                cut.by_end = i == 0;
            }
            cut.exit = cut.exit.min(far);
        }
        (cut.enter < cut.exit && cut.exit > 0.0).then_some(cut)
    }
}

/// All that sensors can see.
#[derive(Debug)]
pub(super) struct World {
    pub(super) road: Road,
    pub(super) blocks: Vec<Block>,
}

impl World {
    /// The street beside the part of `road` from `start` to `end`, m.
    pub(super) fn new(road: Road, start: f64, end: f64, seed: u64) -> Self {
        let mut world = Self {
            road,
            blocks: Vec::new(),
        };
        for side in [RIGHT, LEFT] {
            let random = &mut Random::new(&[seed, side as u64]);
            world.park_cars(start, end, side, random);
            world.leave_crates(start, end, side, random);
            world.build_houses(start, end, side, random);
        }
        world
    }

    /// Cars between lane and kerb, most places taken.
    fn park_cars(&mut self, start: f64, end: f64, side: usize, random: &mut Random) {
        let offset = (KERBS[side] + LANES[side]) / 2.0;
        let mut s = start;
        while s < end {
            let length = random.uniform(3.7, 4.9);
            let width = random.uniform(1.68, 1.9);
            let height = random.uniform(1.4, 1.9);
            let colour = [(); 3].map(|()| random.uniform(40.0, 230.0) as u8);
            if random.uniform(0.0, 1.0) < 0.65 {
                self.place(
                    s + length / 2.0,
                    offset,
                    [length, width, height],
                    colour,
                    0.6,
                );
            }
            s += length + random.uniform(0.8, 2.0);
        }
    }

    /// Crates on the edge of the lane, now and then.
    fn leave_crates(&mut self, start: f64, end: f64, side: usize, random: &mut Random) {
        let mut s = start + random.uniform(8.0, 20.0);
        while s < end {
            let size = random.uniform(0.5, 0.8);
            let outward = (KERBS[side] - LANES[side]).signum();
            let offset = LANES[side] + outward * size / 2.0;
            let height = random.uniform(0.5, 1.1);
            self.place(s, offset, [size, size, height], [186, 140, 84], 0.4);
            s += random.uniform(15.0, 30.0);
        }
    }

    /// Houses and walls behind the pavement, with passages between.
    fn build_houses(&mut self, start: f64, end: f64, side: usize, random: &mut Random) {
        let outward = (KERBS[side] - LANES[side]).signum();
        let mut s = start;
        while s < end {
            let length = random.uniform(8.0, 20.0);
            let depth = random.uniform(0.4, 10.0);
            let height = random.uniform(2.5, 11.0);
            let grey = random.uniform(110.0, 200.0);
            let colour = [1.1, 1.0, 0.85].map(|tint| (grey * tint) as u8);
            let setback = random.uniform(2.5, 4.0) + depth / 2.0;
            let offset = KERBS[side] + outward * setback;
            self.place(
                s + length / 2.0,
                offset,
                [length, depth, height],
                colour,
                0.35,
            );
            s += length + random.uniform(0.5, 5.0);
        }
    }

    fn place(&mut self, s: f64, offset: f64, size: [f64; 3], colour: [u8; 3], reflectance: f64) {
        let [length, width, height] = size;
        let station = self.road.at(s);
        self.blocks.push(Block {
            centre: station.beside(offset),
            ahead: station.ahead,
            half: [length / 2.0, width / 2.0],
            height,
            colour,
            reflectance,
        });
    }

    /// The blocks within `range` metres of a place.
    pub(super) fn near(&self, from: Vector2<f64>, range: f64) -> Vec<&Block> {
        let within = |block: &&Block| {
            let [a, b] = block.half;
            (block.centre - from).norm() <= range + a + b
        };
        self.blocks.iter().filter(within).collect()
    }
}

/// Fills `cuts` with what a level ray cuts, in the order in which it enters.
pub(super) fn slice<'a>(
    blocks: &[&'a Block],
    from: Vector2<f64>,
    along: Vector2<f64>,
    cuts: &mut Vec<Cut<'a>>,
) {
    cuts.clear();
    cuts.extend(blocks.iter().filter_map(|block| block.cut(from, along)));
    cuts.sort_by(|a, b| a.enter.total_cmp(&b.enter));
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    impl Block {
        fn contains(&self, place: Vector2<f64>) -> bool {
            let from = place - self.centre;
            let [x, y] = [self.ahead, left_of(self.ahead)].map(|axis| from.dot(&axis).abs());
            x <= self.half[0] && y <= self.half[1]
        }
    }

    fn block(x: f64, y: f64, angle: f64, length: f64, width: f64) -> Block {
        Block {
            centre: Vector2::new(x, y),
            ahead: Vector2::new(angle.cos(), angle.sin()),
            half: [length / 2.0, width / 2.0],
            height: 1.0,
            colour: [0; 3],
            reflectance: 0.5,
        }
    }

    #[test]
    fn a_ray_along_a_side_meets_the_block_or_not_but_is_no_trap() {
        let block = block(5.0, 0.0, 0.0, 2.0, 2.0);
        let cut = |y, dx| block.cut(Vector2::new(0.0, y), Vector2::new(dx, 0.0));
        let middle = cut(0.5, 1.0).expect("is ahead");
        assert_eq!((middle.enter, middle.exit, middle.by_end), (4.0, 6.0, true));
        assert!(cut(0.5, -1.0).is_none(), "behind");
        assert!(cut(1.5, 1.0).is_none(), "beside");
        for edge in [-1.0, 1.0] {
            assert!(cut(edge, 1.0).is_none_or(|cut| cut.enter == 4.0));
        }
    }

    proptest! {
        /// Against membership of places along the ray.
        #[test]
        fn a_cut_is_what_lies_within(
            x in -10.0..10.0f64, y in -10.0..10.0f64, angle in -4.0..4.0f64,
            length in 0.2..8.0f64, width in 0.2..8.0f64, towards in -4.0..4.0f64,
        ) {
            let block = block(x, y, angle, length, width);
            let along = Vector2::new(towards.cos(), towards.sin());
            let cut = block.cut(Vector2::zeros(), along);
            for step in 0..400 {
                let t = f64::from(step) * 0.05;
                let cuts = cut.is_some_and(|cut| cut.enter <= t && t <= cut.exit);
                let near_edge = cut.is_some_and(|c| (c.enter - t).abs().min((c.exit - t).abs()) < 1e-6);
                prop_assert!(near_edge || cuts == block.contains(along * t), "at {t}");
            }
        }
    }
}
