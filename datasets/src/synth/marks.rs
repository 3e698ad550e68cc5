//! What is painted on the road.

use nalgebra::Vector2;

use super::scenario::Scenario;
use super::stance::left_of;

/// Side of a cell of the index, m.
const CELL: f32 = 4.0;

/// A painted rectangle.
#[derive(Clone, Copy, Debug)]
struct Mark {
    at: [f32; 2],
    /// The unit vector along its length.
    ahead: [f32; 2],
    half: [f32; 2],
    /// Length of a stripe and the gap after it together, of which half is
    /// painted; 0 without gaps.
    period: f32,
}

/// All of them, in an index by place.
#[derive(Debug)]
pub(super) struct Marks {
    marks: Vec<Mark>,
    origin: [f32; 2],
    size: [usize; 2],
    cells: Vec<Vec<u16>>,
}

impl Marks {
    pub(super) fn new(scenario: &Scenario) -> Self {
        let mut marks = Vec::new();
        for road in scenario.roads.iter().filter(|road| road.marked) {
            let (middle, ahead, length) = line(road.from, road.to);
            let mut paint = |offset: f64, period: f32| {
                let at = middle + left_of(ahead) * offset;
                marks.push(mark(at, ahead, [length / 2.0, 0.06], period));
            };
            let edge = road.width / 2.0 - 0.25;
            paint(edge, 0.0);
            paint(-edge, 0.0);
            let lane = road.width / f64::from(road.lanes);
            for i in 1..road.lanes {
                paint(f64::from(i) * lane - road.width / 2.0, 6.0);
            }
        }
        for crossing in &scenario.crossings {
            let (middle, ahead, length) = line(crossing.from, crossing.to);
            let half = [length / 2.0, crossing.width / 2.0];
            marks.push(mark(middle, ahead, half, 1.0));
        }
        let area = &scenario.area;
        let origin = area.from.map(|c| c as f32);
        let size = [0, 1].map(|k| ((area.to[k] as f32 - origin[k]) / CELL) as usize + 1);
        let mut cells = vec![Vec::new(); size[0] * size[1]];
        for (i, mark) in (0u16..).zip(&marks) {
            for (cell, list) in cells.iter_mut().enumerate() {
                let centre = [cell % size[0], cell / size[0]];
                let centre = [0, 1].map(|k| origin[k] + (centre[k] as f32 + 0.5) * CELL);
                let [along, across] = mark.inward(centre);
                // Half of a cell's diagonal.
                let near = 0.71 * CELL;
                if along.abs() < mark.half[0] + near && across.abs() < mark.half[1] + near {
                    list.push(i);
                }
            }
        }
        Self {
            marks,
            origin,
            size,
            cells,
        }
    }

    /// Whether a place is painted.
    pub(super) fn at(&self, place: [f32; 2]) -> bool {
        let [i, j] = [0, 1].map(|k| ((place[k] - self.origin[k]) / CELL) as usize);
        if i >= self.size[0] || j >= self.size[1] {
            return false;
        }
        let near = &self.cells[j * self.size[0] + i];
        near.iter()
            .any(|&mark| self.marks[usize::from(mark)].holds(place))
    }
}

impl Mark {
    fn inward(&self, place: [f32; 2]) -> [f32; 2] {
        let [x, y] = [place[0] - self.at[0], place[1] - self.at[1]];
        let [a, b] = self.ahead;
        [x * a + y * b, y * a - x * b]
    }

    /// Whether a stripe, and not the gap after it, is at a length.
    fn striped(&self, along: f32) -> bool {
        let periods = along / self.period;
        periods - (periods as i32) as f32 <= 0.5
    }

    fn holds(&self, place: [f32; 2]) -> bool {
        let [along, across] = self.inward(place);
        let within = along.abs() <= self.half[0] && across.abs() <= self.half[1];
        within && (self.period == 0.0 || self.striped(along + self.half[0]))
    }
}

fn mark(at: Vector2<f64>, ahead: Vector2<f64>, half: [f64; 2], period: f32) -> Mark {
    Mark {
        at: [at.x as f32, at.y as f32],
        ahead: [ahead.x as f32, ahead.y as f32],
        half: half.map(|h| h as f32),
        period,
    }
}

/// Middle, direction and length of a line.
fn line(from: [f64; 2], to: [f64; 2]) -> (Vector2<f64>, Vector2<f64>, f64) {
    let [from, to] = [from, to].map(Vector2::from);
    let length = (to - from).norm();
    ((from + to) / 2.0, (to - from) / length, length)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_and_stripes_are_where_the_file_puts_them() {
        let scenario = Scenario::named("busy_street").expect("is right");
        let marks = Marks::new(&scenario);
        let road = &scenario.roads[0];
        assert_eq!((road.from[1], road.to[1]), (0.0, 0.0), "runs east");
        let edge = (road.width / 2.0 - 0.25) as f32;
        let x = road.from[0] as f32 + 1.0;
        assert!(marks.at([x, edge]) && marks.at([x, -edge]));
        assert!(!marks.at([x, edge - 0.1]));
        assert!(marks.at([x, 0.0]) && !marks.at([x + 3.0, 0.0]), "dashes");
        assert!(!marks.at([1e9, 0.0]));
    }
}
