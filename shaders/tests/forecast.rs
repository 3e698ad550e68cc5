//! The kernels of forecasts give the bits of their twin, and that what geometry
//! in double precision says.
#![allow(clippy::unwrap_used, missing_docs)]

mod gpu;

use std::cell::{Cell, RefCell};

use gpu::{CONTEXT, download, runner};
use janus_shaders::Window;
use janus_shaders::forecast::{
    CAPACITY, Footprint, LARGEST, ONE, Params, Pipeline, Status, TooLarge, Twin,
};
use proptest::prelude::*;

/// The layers and the status of a device.
fn run(pipeline: &Pipeline, params: &Params, footprints: &[Footprint]) -> (Vec<u8>, Status) {
    let bound = pipeline.bind(&CONTEXT, params);
    // The second time nothing is left of the first.
    for _ in 0..2 {
        bound.write(&CONTEXT.queue, params, footprints);
        let mut encoder = CONTEXT.device.create_command_encoder(&Default::default());
        pipeline.encode(&mut encoder, None, &bound, params);
        CONTEXT.queue.submit([encoder.finish()]);
        CONTEXT.check().unwrap();
    }
    (download(&bound.layers), download(&bound.status)[0])
}

/// Numbers as they may come, and numbers as they should not.
fn poisoned(usual: std::ops::Range<i32>) -> impl Strategy<Value = i32> {
    prop_oneof![
        30 => usual,
        1 => prop::sample::select(vec![i32::MIN, i32::MAX, -1, 0, LARGEST, LARGEST + 1, 1 << 30]),
    ]
}

fn footprint(layers: u32, reach: i32) -> impl Strategy<Value = Footprint> {
    let place = prop::array::uniform2(poisoned(-reach..reach));
    let heading = prop_oneof![
        20 => (-4.0..4.0f64).prop_map(|yaw| [yaw.cos(), yaw.sin()].map(|e| (e * f64::from(ONE)).round() as i32)),
        4 => prop::sample::select(vec![[ONE, 0], [0, ONE], [-ONE, 0], [0, -ONE]]),
        1 => prop::array::uniform2(poisoned(-ONE..ONE)),
    ];
    let sides = (
        prop::array::uniform2(poisoned(0..4_000)),
        prop::array::uniform2(poisoned(0..1_500)),
    );
    let layer = prop_oneof![30 => 0..layers, 1 => any::<u32>()];
    let weight = || prop_oneof![30 => 0..256u32, 1 => any::<u32>()];
    (place, heading, sides, layer, weight(), weight()).prop_map(
        |(centre, heading, (half, margin), layer, weight, margin_weight)| Footprint {
            centre,
            heading,
            half,
            margin,
            layer,
            weight,
            margin_weight,
            pad: 0,
        },
    )
}

fn case() -> impl Strategy<Value = (Params, Vec<Footprint>)> {
    let side = prop::sample::select(vec![16u32, 32, 64, 256]);
    let cell = prop::sample::select(vec![1, 7, 100, 200, 500, Window::MAX_CELL_MM]);
    let middle = prop::array::uniform2(prop_oneof![Just(0), -1_000_000..1_000_000i32]);
    let size = prop_oneof![
        6 => prop::sample::select(vec![0usize, 1, 2, 63, 64, 65, 255, 256, 257]),
        1 => 1_000..4_000usize,
    ];
    (side, cell, middle, 1..6u32, size).prop_flat_map(|(side, cell, middle, layers, size)| {
        let window = Window::about(middle, side, cell);
        let reach = (side as i32 * cell / 2).saturating_add(6_000);
        let footprints = prop::collection::vec(footprint(layers, reach), size);
        footprints.prop_map(move |mut footprints| {
            for footprint in &mut footprints {
                for (place, middle) in footprint.centre.iter_mut().zip(middle) {
                    *place = place.wrapping_add(middle);
                }
            }
            let params = Params::new(window, layers, footprints.len()).unwrap();
            (params, footprints)
        })
    })
}

#[test]
fn equals_its_twin() {
    let pipeline = Pipeline::new(&CONTEXT);
    let [invalid, full, filled] = [const { Cell::new(0usize) }; 3];
    let twin = RefCell::new(Twin::default());
    runner(96)
        .run(&case(), |(params, footprints)| {
            let mut twin = twin.borrow_mut();
            let expected = twin.run(&params, &footprints);
            let (layers, status) = run(&pipeline, &params, &footprints);
            prop_assert_eq!(status, expected);
            if status.overflow == 0 {
                prop_assert!(layers == twin.layers());
                filled.set(filled.get() + layers.iter().filter(|&&w| w > 0).count());
            }
            invalid.set(invalid.get() + status.invalid as usize);
            full.set(full.get() + usize::from(status.overflow > 0));
            Ok(())
        })
        .unwrap();
    assert!(
        invalid.get() > 50 && full.get() > 0 && filled.get() > 100_000,
        "the cases reach too little: {invalid:?} {full:?} {filled:?}"
    );
}

/// A car at each of some places.
fn car(x: f64, y: f64, yaw: f64) -> Footprint {
    Footprint::new([x, y], yaw, [4.5, 1.8], [0.5, 0.3]).unwrap()
}

#[test]
fn equals_its_twin_in_many_large_layers() {
    let window = Window::about([0; 2], 1024, 200);
    let layers = 12;
    let footprints: Vec<Footprint> = (0..5_000)
        .map(|i| {
            let t = f64::from(i);
            let place = [(t * 0.754).sin() * 100.0, (t * 1.319).cos() * 100.0];
            car(place[0], place[1], t).at(i as u32 % layers, (i % 256) as u8, (i % 99) as u8)
        })
        .collect();
    let params = Params::new(window, layers, footprints.len()).unwrap();
    let mut twin = Twin::default();
    assert_eq!(twin.run(&params, &footprints), Status::default());
    assert!(twin.layers().iter().filter(|&&weight| weight > 0).count() > 500_000);
    let (layers, status) = run(&Pipeline::new(&CONTEXT), &params, &footprints);
    assert_eq!(status, Status::default());
    assert!(layers == twin.layers());
}

#[test]
fn a_tile_without_room_is_told() {
    let params = |count| Params::new(Window::about([0; 2], 32, 200), 2, count).unwrap();
    // In the middle of the tile at the least corner.
    let one = car(-1.6, -1.6, 0.0).at(1, 9, 0);
    let pipeline = Pipeline::new(&CONTEXT);
    for (count, touched) in [(CAPACITY, 0), (CAPACITY + 1, 1), (CAPACITY + 70, 70)] {
        let footprints = vec![one; count];
        let status = Twin::default().run(&params(count), &footprints);
        assert_eq!(status.overflow > 0, touched > 0);
        assert_eq!(status.overflow % touched.max(1), 0);
        assert_eq!(run(&pipeline, &params(count), &footprints).1, status);
    }
}

#[test]
fn more_than_a_device_holds_is_refused() {
    let window = Window::about([0; 2], 1024, 200);
    assert!(Params::new(window, 63, 0).is_ok());
    for (layers, footprints) in [
        (0, 0),
        (64, 0),
        (u32::MAX, 0),
        (1, Params::MAX_FOOTPRINTS + 1),
    ] {
        let error = Params::new(window, layers, footprints);
        assert!(matches!(error, Err(TooLarge { .. })));
    }
}

mod geometry {
    /// Corners, counterclockwise.
    pub(super) type Quad = [[f64; 2]; 4];

    pub(super) fn rectangle([x, y]: [f64; 2], yaw: f64, [length, width]: [f64; 2]) -> Quad {
        let (sin, cos) = yaw.sin_cos();
        [[1.0, 1.0], [-1.0, 1.0], [-1.0, -1.0], [1.0, -1.0]].map(|[along, across]| {
            let (u, v) = (along * length / 2.0, across * width / 2.0);
            [x + cos * u - sin * v, y + sin * u + cos * v]
        })
    }

    fn sides(quad: &Quad) -> impl Iterator<Item = [[f64; 2]; 2]> {
        (0..4).map(|i| [quad[i], quad[(i + 1) % 4]])
    }

    fn cross([a, b]: [[f64; 2]; 2], p: [f64; 2]) -> f64 {
        (b[0] - a[0]) * (p[1] - a[1]) - (b[1] - a[1]) * (p[0] - a[0])
    }

    fn to_side([a, b]: [[f64; 2]; 2], p: [f64; 2]) -> f64 {
        let d = [b[0] - a[0], b[1] - a[1]];
        let along = (p[0] - a[0]) * d[0] + (p[1] - a[1]) * d[1];
        let share = (along / (d[0] * d[0] + d[1] * d[1])).clamp(0.0, 1.0);
        (a[0] + d[0] * share - p[0]).hypot(a[1] + d[1] * share - p[1])
    }

    fn cross_each_other(s: [[f64; 2]; 2], t: [[f64; 2]; 2]) -> bool {
        cross(s, t[0]) * cross(s, t[1]) < 0.0 && cross(t, s[0]) * cross(t, s[1]) < 0.0
    }

    /// Distance of two convex polygons; 0 where they overlap.
    pub(super) fn distance(a: &Quad, b: &Quad) -> f64 {
        let inside = |a: &Quad, b: &Quad| {
            let holds = |p: &[f64; 2]| sides(a).all(|side| cross(side, *p) >= 0.0);
            b.iter().any(holds)
        };
        let crossed = sides(a).any(|s| sides(b).any(|t| cross_each_other(s, t)));
        if crossed || inside(a, b) || inside(b, a) {
            return 0.0;
        }
        let apart = |a: &Quad, b: &Quad| {
            let to = |p: &[f64; 2]| sides(a).map(|s| to_side(s, *p)).fold(f64::MAX, f64::min);
            b.iter().map(to).fold(f64::MAX, f64::min)
        };
        apart(a, b).min(apart(b, a))
    }
}

#[test]
fn a_cell_counts_that_is_touched_and_none_that_is_farther_than_a_centimetre() {
    let side = prop::sample::select(vec![16u32, 32, 64]);
    let cell = prop::sample::select(vec![20, 100, 200, 333, 2_000, Window::MAX_CELL_MM]);
    let place = prop::array::uniform2(-1.0..1.0f64);
    let yaw = prop_oneof![
        6 => -4.0..4.0f64,
        1 => (-4..4).prop_map(|k| f64::from(k) * std::f64::consts::FRAC_PI_4),
        // Nearly along an axis.
        1 => -1e-4..1e-4f64,
    ];
    let sides = |most| prop::array::uniform2(0.01..most);
    let sizes = prop_oneof![
        3 => (sides(6.0), sides(3.0)),
        1 => (sides(24.0), sides(12.0)),
        1 => (sides(49.99), Just([0.0; 2])),
        1 => (Just([49.99; 2]), Just([0.0; 2])),
    ];
    let [hits, rings] = [const { Cell::new(0usize) }; 2];
    let cases = (side, cell, place, yaw, sizes);
    runner(300)
        .run(&cases, |(side, cell, place, yaw, (size, margin))| {
            let window = Window::about([70_000, -30_000], side, cell);
            let length = f64::from(cell) * 1e-3;
            let half = f64::from(side) * length / 2.0 + 2.0;
            let place = [70.0 + place[0] * half, -30.0 + place[1] * half];
            let footprint = Footprint::new(place, yaw, size, margin).unwrap();
            let params = Params::new(window, 1, 1).unwrap();
            let mut twin = Twin::default();
            twin.run(&params, &[footprint.at(0, 200, 100)]);
            let own = geometry::rectangle(place, yaw, size);
            let sides = [0, 1].map(|i| size[i] + 2.0 * margin[i]);
            let with_margin = geometry::rectangle(place, yaw, sides);
            for (i, &weight) in twin.layers().iter().enumerate() {
                let at =
                    |k: usize, i: usize| (f64::from(window.origin[k]) + i as f64 + 0.5) * length;
                let centre = [at(0, i % side as usize), at(1, i / side as usize)];
                let square = geometry::rectangle(centre, 0.0, [length; 2]);
                for (quad, least) in [(&own, 200), (&with_margin, 100)] {
                    let off = geometry::distance(quad, &square);
                    if weight >= least {
                        prop_assert!(off < 0.010, "{weight} is {off} m off");
                    } else {
                        prop_assert!(off > 0.0, "{weight} is touched");
                    }
                }
                hits.set(hits.get() + usize::from(weight == 200));
                rings.set(rings.get() + usize::from(weight == 100));
            }
            Ok(())
        })
        .unwrap();
    assert!(
        hits.get() > 5_000 && rings.get() > 5_000,
        "{hits:?} {rings:?}"
    );
}
