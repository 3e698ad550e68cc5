//! The part of a lattice that lies over the grid, and what is known of its
//! states.

use crate::collision::Obstacles;
use crate::error::PlanError;
use crate::lattice::Frame;
use crate::primitives::{Primitives, Wheels};
use crate::vehicle::End;

/// The most lattice points that a grid may hold.
const MOST_POINTS: f64 = (1 << 26) as f64;

/// The lattice points over a grid, with some around it.
#[derive(Clone, Debug)]
pub(crate) struct Window {
    /// The lattice point with index 0.
    corner: [i32; 2],
    size: [i32; 2],
}

impl Window {
    pub(crate) fn new(
        frame: &Frame,
        obstacles: &Obstacles<'_>,
        primitives: &Primitives,
    ) -> Result<Self, PlanError> {
        let corners = obstacles.corners().map(|corner| frame.local(corner));
        let bound = |k: usize| {
            let of = corners.map(|p| p[k] / primitives.cell);
            let slack = primitives.drift / primitives.cell + 1.0;
            let low = of.into_iter().fold(f64::INFINITY, f64::min) - slack;
            let high = of.into_iter().fold(f64::NEG_INFINITY, f64::max) + slack;
            (low.floor(), high.ceil())
        };
        let [x, y] = [bound(0), bound(1)];
        let size = [x, y].map(|(low, high)| high - low + 1.0);
        let points = size[0] * size[1];
        if points.is_nan() || points > MOST_POINTS {
            return Err(PlanError::Grid(
                "it is too large for the spacing of the lattice",
            ));
        }
        Ok(Self {
            corner: [x.0 as i32, y.0 as i32],
            size: size.map(|n| n as i32),
        })
    }

    /// How many points there are.
    pub(crate) fn points(&self) -> usize {
        self.size[0] as usize * self.size[1] as usize
    }

    /// Points in a row.
    pub(crate) fn width(&self) -> usize {
        self.size[0] as usize
    }

    pub(crate) fn index(&self, at: [i32; 2]) -> Option<usize> {
        let [x, y] = [0, 1].map(|k| at[k].saturating_sub(self.corner[k]));
        let inside = (0..self.size[0]).contains(&x) && (0..self.size[1]).contains(&y);
        inside.then(|| y as usize * self.size[0] as usize + x as usize)
    }

    /// The lattice point with an index.
    pub(crate) fn point(&self, index: usize) -> [i32; 2] {
        let index = index as i32;
        [
            self.corner[0] + index % self.size[0],
            self.corner[1] + index / self.size[0],
        ]
    }
}

/// A state of the lattice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct State {
    pub(crate) at: [i32; 2],
    /// Where the end that leads points, a heading of the lattice; with straight
    /// wheels the direction of motion.
    pub(crate) heading: u8,
    pub(crate) lead: End,
    pub(crate) wheels: Wheels,
}

/// What is known of a state.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Record {
    /// Price of the cheapest tested way to it.
    pub(crate) price: u64,
    /// That way.
    pub(crate) way: u32,
    /// The pass of the search in which it was last expanded; 0 if never.
    pub(crate) pass: u32,
}

impl Record {
    const NONE: Self = Self {
        price: u64::MAX,
        way: u32::MAX,
        pass: 0,
    };
}

/// Records of the states, in pages of one lattice point each that are there
/// from when the point is first asked about.
#[derive(Debug)]
pub(crate) struct Records {
    window: Window,
    headings: usize,
    /// Records of a page with one end leading.
    kinds: usize,
    /// Whether states with different ends leading are one.
    folded: bool,
    /// Of each point the number of its page, from 1.
    pages: Vec<u32>,
    records: Vec<Record>,
}

impl Records {
    pub(crate) fn new(window: Window, primitives: &Primitives, folded: bool) -> Self {
        let headings = primitives.units.len();
        let wheels = if primitives.slide() {
            Wheels::ALL.len()
        } else {
            1
        };
        Self {
            kinds: wheels * headings,
            pages: vec![0; window.points()],
            window,
            headings,
            folded,
            records: Vec::new(),
        }
    }

    /// Where the record of a state is; `None` outside of the window.
    pub(crate) fn slot(&mut self, state: State) -> Option<u32> {
        let index = self.window.index(state.at)?;
        let stride = self.kinds * if self.folded { 1 } else { 2 };
        if self.pages[index] == 0 {
            self.records
                .resize(self.records.len() + stride, Record::NONE);
            self.pages[index] = (self.records.len() / stride) as u32;
        }
        let lead = if self.folded { 0 } else { state.lead as usize };
        let kind = state.wheels as usize * self.headings + usize::from(state.heading);
        let within = lead * self.kinds + kind;
        Some(((self.pages[index] - 1) as usize * stride + within) as u32)
    }

    pub(crate) fn all(&self) -> &[Record] {
        &self.records
    }
}

impl std::ops::Index<u32> for Records {
    type Output = Record;

    fn index(&self, slot: u32) -> &Record {
        &self.records[slot as usize]
    }
}

impl std::ops::IndexMut<u32> for Records {
    fn index_mut(&mut self, slot: u32) -> &mut Record {
        &mut self.records[slot as usize]
    }
}
