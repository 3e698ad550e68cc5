//! What there is to plan.

use std::path::Path;

use anyhow::{Result, bail};
use janus_planning::{Case, Cell, Map, Polygon, Pose2, Vehicle};

/// Side of the cells as which a case's polygons are seen, mm. Every cell that
/// a polygon touches is occupied, so a gap is narrower by up to two of them.
const CASE_CELL_MM: u32 = 50;

/// Obstacles, and from where to where.
#[derive(Clone, Debug)]
pub(crate) struct Problem {
    /// The obstacles as cells.
    pub(crate) map: Map,
    /// The obstacles as they were given, if not as cells; in the grid's frame.
    pub(crate) polygons: Vec<Polygon>,
    /// Where the vehicle begins, in the frame of the file.
    start: Pose2,
    /// Where it is to end.
    goal: Pose2,
    /// x of the body's centre in the frame of start and goal, m.
    centre_x: f64,
}

/// What a file holds, by its ending.
pub(crate) enum Source {
    /// A map, which leaves open from where to where.
    Map(Map),
    /// A whole problem.
    Case(Case),
}

impl Source {
    pub(crate) fn open(path: &Path) -> Result<Self> {
        let ending = path.extension().and_then(|ending| ending.to_str());
        match ending.map(str::to_ascii_lowercase).as_deref() {
            Some("yaml" | "yml") => {
                let map = Map::load(path)?;
                let mut cells = map.grid.log_odds.iter();
                if !cells.any(|&cell| Cell::of(cell) == Cell::Free) {
                    bail!("{}: the map has no free cell", path.display());
                }
                Ok(Self::Map(map))
            }
            Some("csv") => Ok(Self::Case(Case::load(path)?)),
            _ => bail!(
                "{}: expected a map of map_server (.yaml) or a case of the TPCAP benchmark (.csv)",
                path.display()
            ),
        }
    }

    /// The vehicle for which it is meant.
    pub(crate) fn vehicle(&self) -> Vehicle {
        match self {
            Self::Map(_) => Vehicle::shuttle(),
            Self::Case(_) => Case::car(),
        }
    }
}

impl Problem {
    /// A way on a map, for the base_link of `vehicle`.
    pub(crate) fn on_map(map: Map, start: Pose2, goal: Pose2, vehicle: &Vehicle) -> Self {
        Self {
            map,
            polygons: Vec::new(),
            start,
            goal,
            centre_x: vehicle.centre_x,
        }
    }

    /// A case of the benchmark.
    pub(crate) fn of_case(case: Case) -> Self {
        let map = case.map(CASE_CELL_MM);
        let in_grid = |polygon: &Polygon| {
            let vertices = polygon.vertices().iter().map(|&[x, y]| {
                let place = map.in_grid(Pose2::new(x, y, 0.0));
                [place.x, place.y]
            });
            Polygon::new(vertices.collect())
        };
        Self {
            // A polygon that was one is one elsewhere.
            polygons: case.polygons.iter().flat_map(in_grid).collect(),
            map,
            start: case.start,
            goal: case.goal,
            centre_x: Case::car().centre_x,
        }
    }

    /// Start and goal of a vehicle's base_link in the grid's frame: such that
    /// its body's centre is where the problem has it.
    pub(crate) fn ends(&self, vehicle: &Vehicle) -> [Pose2; 2] {
        let ahead = Pose2::new(self.centre_x - vehicle.centre_x, 0.0, 0.0);
        [self.start, self.goal].map(|pose| self.map.in_grid(pose).holds(ahead))
    }
}
