//! Where the things that move may be in the next seconds: for each time step a
//! layer of the grid's cells, by the kernel pair [`janus_shaders::forecast`].

use janus_shaders::Window;
use janus_shaders::forecast::{CAPACITY, Footprint, Params, TooLarge, Twin};
use nalgebra::{Matrix2, Vector2};

use super::object::{FuturePose, Hypothesis, Motion, Object};
use super::rectangle::{Rectangle, axes};
use crate::grid::Grid;

/// So many standard deviations beside where it is most likely something may
/// still be,
const DEVIATIONS: f64 = 2.0;
/// but this is the farthest that is reckoned with, m.
const FARTHEST_M: f64 = 5.0;
/// How much less likely it is there than where it is most likely.
const MARGIN_SHARE: f64 = 0.25;
/// Certain.
const WHOLE: f64 = 255.0;

/// Layers of cells, each for the time from one step to the next: in each cell
/// how likely it is, of 255, that something that moves is there at some time
/// between the two, as far as one of the ways that it may go says so by itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Forecast {
    cells: usize,
    layers: Vec<u8>,
}

/// A crowd too dense to be foretold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum NoForecast {
    /// Too many at one place.
    #[error("more than {CAPACITY} ways of things lead over one place")]
    Crowded,
    /// Not one of a lidar's grids.
    #[error("the grid is no square of the kernels")]
    Grid,
    /// Too many in all, or too many cells.
    #[error(transparent)]
    TooLarge(#[from] TooLarge),
}

/// Makes forecasts.
#[derive(Clone, Debug, Default)]
pub(super) struct Forecaster {
    twin: Twin,
}

impl Forecast {
    /// Time of a layer, s.
    pub const STEP_S: f64 = Hypothesis::STEP_S;
    /// Number of layers.
    pub const LAYERS: usize = (Hypothesis::HORIZON_S / Hypothesis::STEP_S) as usize;

    /// The layers, the one that begins with the frame first, in the order of
    /// [`Grid::log_odds`]; none where nothing is known.
    pub fn layers(&self) -> impl Iterator<Item = &[u8]> {
        self.layers.chunks_exact(self.cells.max(1))
    }
}

impl Forecaster {
    /// Where what moves of the objects may be, over the cells of a grid. What
    /// would come where the vehicle itself is now is taken to end before it.
    pub(super) fn forecast(
        &mut self,
        objects: &[Object],
        grid: &Grid,
        vehicle: Option<Rectangle>,
    ) -> Result<Forecast, NoForecast> {
        let [side, other] = grid.size;
        let step = Window::STEP;
        let is_whole = grid.origin.iter().all(|c| c.rem_euclid(step as i32) == 0);
        let sides = step..=Window::MAX_SIDE;
        if side != other || !side.is_power_of_two() || !sides.contains(&side) || !is_whole {
            return Err(NoForecast::Grid);
        }
        let moving = objects.iter().filter(|o| o.motion == Motion::Moving);
        let footprints: Vec<Footprint> = moving
            .flat_map(|object| footprints(object, vehicle))
            .collect();
        let window = Window {
            origin: grid.origin,
            side,
            cell_mm: grid.cell_mm as i32,
        };
        let params = Params::new(window, Forecast::LAYERS as u32, footprints.len())?;
        if self.twin.run(&params, &footprints).overflow > 0 {
            return Err(NoForecast::Crowded);
        }
        Ok(Forecast {
            cells: window.cells(),
            layers: self.twin.layers().to_vec(),
        })
    }
}

/// All that an object may cover, time step by time step.
fn footprints(object: &Object, vehicle: Option<Rectangle>) -> impl Iterator<Item = Footprint> {
    object.predicted.iter().flat_map(move |way| {
        let now = FuturePose {
            seconds: 0.0,
            at: [object.centre[0], object.centre[1]],
            yaw: object.yaw,
            covariance: [0, 1].map(|i| [0, 1].map(|k| object.covariance[i][k])),
        };
        let weight = way.weight * WHOLE;
        let [weight, margin] = [weight, weight * MARGIN_SHARE].map(|w| w.ceil() as u8);
        let size = [object.length, object.width];
        let begins = std::iter::once(now).chain(way.poses.iter().copied());
        begins
            .zip(&way.poses)
            .map(move |(from, to)| (between(size, &from, to), to.covariance))
            .take_while(move |(covered, _)| {
                vehicle.is_none_or(|vehicle| !covered.touches(&vehicle))
            })
            .enumerate()
            .filter_map(move |(layer, (covered, covariance))| {
                let beside = beside(covered.yaw, covariance);
                let Rectangle { centre, yaw, size } = covered;
                Some(Footprint::new(centre, yaw, size, beside)?.at(layer as u32, weight, margin))
            })
    })
}

/// What something of a length and a width covers from one pose to another.
fn between(size: [f64; 2], from: &FuturePose, to: &FuturePose) -> Rectangle {
    /// What moves less keeps its heading, m.
    const STANDS_M: f64 = 0.1;
    let way = [0, 1].map(|k| to.at[k] - from.at[k]);
    let metres = way[0].hypot(way[1]);
    let yaw = if metres > STANDS_M {
        way[1].atan2(way[0])
    } else {
        from.yaw
    };
    // The rectangle along the way around both poses holds all that lie evenly
    // between them.
    let sides = [from.yaw, to.yaw].map(|axis| {
        let (sin, cos) = (axis - yaw).sin_cos();
        let [length, width] = size;
        [
            length * cos.abs() + width * sin.abs(),
            length * sin.abs() + width * cos.abs(),
        ]
    });
    let [length, width] = [0, 1].map(|k| sides[0][k].max(sides[1][k]));
    Rectangle {
        centre: [0, 1].map(|k| (from.at[k] + to.at[k]) / 2.0),
        yaw,
        size: [length + metres, width],
    }
}

/// How far along and across a heading something may be from where it is most
/// likely, m.
fn beside(yaw: f64, covariance: [[f64; 2]; 2]) -> [f64; 2] {
    let covariance = Matrix2::from(covariance);
    axes(yaw).map(|axis| {
        let axis = Vector2::from(axis);
        let variance = (axis.transpose() * covariance * axis)[0].max(0.0);
        (DEVIATIONS * variance.sqrt()).min(FARTHEST_M)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::objects::Manoeuvre;

    fn grid() -> Grid {
        Grid {
            origin: [-128, -128],
            size: [256, 256],
            cell_mm: 200,
            log_odds: vec![Grid::UNKNOWN; 256 * 256],
        }
    }

    /// A car in the origin that goes on along +x, or turns to the left.
    fn car() -> Object {
        let pose = |step: usize, turn: f64, spread: f64| {
            let seconds = step as f64 * Forecast::STEP_S;
            let metres = 4.0 * seconds;
            FuturePose {
                seconds,
                at: [metres * turn.cos(), metres * turn.sin()],
                yaw: turn,
                covariance: [[spread * seconds, 0.0], [0.0, 0.0]],
            }
        };
        let way = |manoeuvre, weight, turn: f64| Hypothesis {
            manoeuvre,
            weight,
            poses: (1..=10).map(|step| pose(step, turn, 0.25)).collect(),
        };
        Object {
            predicted: vec![
                way(Manoeuvre::Straighten, 0.6, 0.0),
                way(Manoeuvre::KeepTurning, 0.4, 0.5),
            ],
            ..Object::car(0.0, 4.0)
        }
    }

    fn at(forecast: &Forecast, layer: usize, x: f64, y: f64) -> u8 {
        let grid = grid();
        let [x, y] = grid.locate(x, y);
        let layer = forecast.layers().nth(layer).expect("a layer");
        layer[grid.index(x, y).expect("inside")]
    }

    #[test]
    fn a_layer_holds_all_that_is_covered_until_the_next() {
        let forecast = Forecaster::default().forecast(&[car()], &grid(), None);
        let forecast = forecast.expect("a forecast");
        assert_eq!(forecast.layers().count(), 10);
        // From the middle of the first layer's time to its end: 0 to 2 m.
        for x in [-1.9, 0.0, 3.9] {
            assert_eq!(at(&forecast, 0, x, 0.5), 153, "{x}");
        }
        assert_eq!(at(&forecast, 0, -4.5, 0.0), 0);
        // In the last half second 18 to 20 m on, give or take two of 1.1 m.
        assert_eq!(at(&forecast, 9, 20.0, 0.0), 153);
        assert_eq!(at(&forecast, 9, 23.5, 0.0), 39);
        assert_eq!(at(&forecast, 9, 14.5, 0.0), 39);
        assert_eq!(at(&forecast, 9, 0.0, 0.0), 0);
        // Or to the left.
        let (x, y) = (18.5 * 0.5f64.cos(), 18.5 * 0.5f64.sin());
        assert_eq!(at(&forecast, 9, x, y), 102);
    }

    #[test]
    fn who_would_run_into_the_vehicle_ends_before_it() {
        // 8 m ahead; the front of the car is there in the fourth half second.
        let vehicle = Rectangle {
            centre: [10.0, 0.0],
            yaw: 0.3,
            size: [3.6, 1.8],
        };
        let forecast = Forecaster::default().forecast(&[car()], &grid(), Some(vehicle));
        let forecast = forecast.expect("a forecast");
        let likely: Vec<bool> = forecast.layers().map(|l| l.contains(&153)).collect();
        assert_eq!(likely.iter().position(|l| !l), Some(3));
        assert!(!likely[3..].contains(&true));
        // To the left it goes on.
        assert!(forecast.layers().all(|layer| layer.contains(&102)));
    }

    #[test]
    fn what_stands_is_in_no_layer() {
        let parked = Object {
            motion: Motion::Standing,
            ..car()
        };
        let forecast = Forecaster::default().forecast(&[parked], &grid(), None);
        let forecast = forecast.expect("a forecast");
        assert!(forecast.layers().flatten().all(|weight| *weight == 0));
    }

    #[test]
    fn a_crowd_is_told() {
        let crowd = vec![car(); CAPACITY];
        let forecast = Forecaster::default().forecast(&crowd, &grid(), None);
        assert_eq!(forecast, Err(NoForecast::Crowded));
        let told = NoForecast::Crowded.to_string();
        assert_eq!(told, "more than 128 ways of things lead over one place");
    }

    #[test]
    fn a_grid_that_no_kernel_made_is_refused() {
        for (origin, size) in [
            ([0, 0], [0, 0]),
            ([0, 0], [256, 128]),
            ([0, 0], [u32::MAX, u32::MAX]),
            ([0, 0], [112, 112]),
            ([8, 0], [256, 256]),
        ] {
            let odd = Grid {
                origin,
                size,
                ..grid()
            };
            let forecast = Forecaster::default().forecast(&[car()], &odd, None);
            assert_eq!(forecast, Err(NoForecast::Grid));
        }
    }
}
