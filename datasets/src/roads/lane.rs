//! What a map says of roads.

use super::polyline::Polyline;

/// A stretch of a lane, from where lanes join or part to where they do next.
#[derive(Clone, Debug, PartialEq)]
pub struct Lane {
    /// What its source calls it; no other lane has the same.
    pub id: u64,
    /// Who it is for.
    pub kind: LaneKind,
    /// Its border to the left of its direction.
    pub left: Polyline,
    /// Its border to the right.
    pub right: Polyline,
    /// The line that leads along it, in its direction.
    pub centre: Polyline,
    /// Lanes that go on where it ends, ascending; each has it as a
    /// predecessor.
    pub successors: Vec<usize>,
    /// Lanes that end where it begins, ascending.
    pub predecessors: Vec<usize>,
    /// The lane beyond its left border.
    pub left_neighbour: Option<Neighbour>,
    /// The lane beyond its right border.
    pub right_neighbour: Option<Neighbour>,
    /// Whether it may be driven against its direction too.
    pub both_ways: bool,
    /// m/s, where the source says.
    pub speed_limit: Option<f64>,
}

/// Who a lane is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum LaneKind {
    /// Everything that drives.
    Vehicle,
    /// Buses.
    Bus,
    /// Bicycles.
    Bicycle,
    /// People on foot.
    Pedestrian,
    /// Nobody who goes along it: shoulders, parking places, what is closed.
    Other,
}

/// A lane beside another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Neighbour<Lane = usize> {
    /// Which.
    pub lane: Lane,
    /// Whether both lead the same way.
    pub same_way: bool,
}

/// Where people on foot cross the road.
#[derive(Clone, Debug, PartialEq)]
pub struct Crossing {
    /// Its corners in turn, m.
    pub outline: Vec<[f64; 3]>,
    /// The way over it, from one side of the road to the other.
    pub way: Polyline,
}

/// A lane as its source has it: others are told by what the source calls
/// them.
#[derive(Clone, Debug)]
pub struct Draft {
    /// As [`Lane::id`].
    pub id: u64,
    /// As [`Lane::kind`].
    pub kind: LaneKind,
    /// Points of the left border, m.
    pub left: Vec<[f64; 3]>,
    /// Points of the right border, m.
    pub right: Vec<[f64; 3]>,
    /// Points of the centre line, m; without any it is midway between the
    /// borders.
    pub centre: Option<Vec<[f64; 3]>>,
    /// As [`Lane::successors`], in any order.
    pub successors: Vec<u64>,
    /// As [`Lane::predecessors`], in any order. It is enough if one of two
    /// lanes names the other.
    pub predecessors: Vec<u64>,
    /// As [`Lane::left_neighbour`].
    pub left_neighbour: Option<Neighbour<u64>>,
    /// As [`Lane::right_neighbour`].
    pub right_neighbour: Option<Neighbour<u64>>,
    /// As [`Lane::both_ways`].
    pub both_ways: bool,
    /// As [`Lane::speed_limit`].
    pub speed_limit: Option<f64>,
}

impl Lane {
    /// How wide it is at a station of its centre line, m.
    pub fn width(&self, station: f64) -> f64 {
        let share = station / self.centre.length();
        let [a, b] = [&self.left, &self.right].map(|line| line.at(share * line.length()).at);
        (a[0] - b[0]).hypot(a[1] - b[1])
    }
}

impl Draft {
    /// A lane between two borders that leads nowhere yet.
    pub fn new(id: u64, kind: LaneKind, left: Vec<[f64; 3]>, right: Vec<[f64; 3]>) -> Self {
        Self {
            id,
            kind,
            left,
            right,
            centre: None,
            successors: Vec::new(),
            predecessors: Vec::new(),
            left_neighbour: None,
            right_neighbour: None,
            both_ways: false,
            speed_limit: None,
        }
    }
}

impl Crossing {
    /// A crossing between two edges, along which people walk. The second may
    /// run against the first. `None` if they are no lines, or cross.
    pub fn between(first: Vec<[f64; 3]>, mut second: Vec<[f64; 3]>) -> Option<Self> {
        let ends = |line: &[[f64; 3]]| Some((*line.first()?, *line.last()?));
        let ((a, b), (c, d)) = (ends(&first)?, ends(&second)?);
        let along = |k: usize| (b[k] - a[k]) * (d[k] - c[k]);
        if along(0) + along(1) < 0.0 {
            second.reverse();
        }
        let [left, right] = [&first, &second].map(|line| Polyline::new(line.iter().copied()));
        let way = Polyline::between(&left?, &right?)?;
        let outline = first.into_iter().chain(second.into_iter().rev());
        Some(Self {
            outline: outline.collect(),
            way,
        })
    }

    /// Whether a place is within its outline.
    pub fn holds(&self, [x, y]: [f64; 2]) -> bool {
        let mut inside = false;
        let mut before = self.outline.last();
        for corner in &self.outline {
            if let Some(from) = before
                && (corner[1] > y) != (from[1] > y)
            {
                let part = (y - from[1]) / (corner[1] - from[1]);
                inside ^= x < from[0] + (corner[0] - from[0]) * part;
            }
            before = Some(corner);
        }
        inside
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_crossing_leads_from_side_to_side() {
        let first = vec![[0.0, 0.0, 0.0], [0.0, 8.0, 0.0]];
        // Against the first.
        let second = vec![[3.0, 8.0, 0.0], [3.0, 0.0, 0.0]];
        let crossing = Crossing::between(first, second).expect("is one");
        assert_eq!(crossing.way.points(), [[1.5, 0.0, 0.0], [1.5, 8.0, 0.0]]);
        assert_eq!(crossing.outline.len(), 4);
        assert!(crossing.holds([1.0, 4.0]) && crossing.holds([2.9, 7.9]));
        assert!(!crossing.holds([3.1, 4.0]) && !crossing.holds([1.0, -0.1]));
        assert_eq!(Crossing::between(vec![], vec![[0.0; 3]]), None);
    }
}
