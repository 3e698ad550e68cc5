//! Average precision against pycocotools, on the same boxes.
#![allow(clippy::unwrap_used)]

use janus_perception::eval::{Guess, Measure, Truth, average_precision};
use serde_json::Value;

/// Made by `tools/scripts/reference_average_precision.py`.
const REFERENCE: &str = include_str!("average_precision.json");

fn number(of: &Value, key: &str) -> u32 {
    of[key].as_u64().unwrap() as u32
}

fn bbox(of: &Value) -> [f64; 4] {
    let [x, y, width, height] = [0, 1, 2, 3].map(|i| of["bbox"][i].as_f64().unwrap());
    [x, y, x + width, y + height]
}

fn truths(reference: &Value) -> Vec<Truth> {
    let truths = reference["truths"].as_array().unwrap().iter();
    let truth = |of: &Value| Truth {
        picture: number(of, "image_id"),
        class: number(of, "category_id"),
        bbox: bbox(of),
        area: of["area"].as_f64().unwrap(),
        crowd: number(of, "iscrowd") == 1,
        ignored: false,
    };
    truths.map(truth).collect()
}

fn guesses(reference: &Value) -> Vec<Guess> {
    let guesses = reference["guesses"].as_array().unwrap().iter();
    let guess = |of: &Value| Guess {
        picture: number(of, "image_id"),
        class: number(of, "category_id"),
        bbox: bbox(of),
        score: of["score"].as_f64().unwrap(),
    };
    guesses.map(guess).collect()
}

#[test]
fn it_is_that_of_pycocotools() {
    let reference: Value = serde_json::from_str(REFERENCE).unwrap();
    let (truths, guesses) = (truths(&reference), guesses(&reference));
    let measures = [
        Measure::ALL,
        Measure::SMALL,
        Measure::MEDIUM,
        Measure::LARGE,
    ];
    for (i, measure) in measures.iter().enumerate() {
        let found = average_precision(&truths, &guesses, measure);
        for (key, found) in [("ap", found.ap()), ("ap_50", found.ap_50())] {
            let wanted = reference[key][i].as_f64().unwrap();
            assert!(
                (found.unwrap() - wanted).abs() < 1e-6,
                "{key} {measure:?}: {found:?}, not {wanted}"
            );
        }
    }
    let found = average_precision(&truths, &guesses, &Measure::ALL);
    for (curve, wanted) in found
        .classes
        .iter()
        .zip(reference["curves"].as_array().unwrap())
    {
        for (share, precision) in curve.precision.iter().enumerate() {
            let wanted = wanted[share].as_f64().unwrap();
            assert!(
                (precision - wanted).abs() < 1e-6,
                "class {} at {share} %",
                curve.class
            );
        }
    }
}

#[test]
fn nothing_to_be_found_has_no_precision() {
    let guess = Guess {
        picture: 0,
        class: 1,
        bbox: [0.0, 0.0, 10.0, 10.0],
        score: 0.9,
    };
    let nothing = average_precision(&[], &[guess], &Measure::ALL);
    assert_eq!((nothing.ap(), nothing.classes.len()), (None, 0));
}

#[test]
fn what_is_ignored_is_neither_right_nor_wrong() {
    let truth = |x: f64, ignored| Truth {
        picture: 0,
        class: 1,
        bbox: [x, 0.0, x + 10.0, 10.0],
        area: 100.0,
        crowd: false,
        ignored,
    };
    let guess = |x: f64, score| Guess {
        picture: 0,
        class: 1,
        bbox: [x, 0.0, x + 10.0, 10.0],
        score,
    };
    let guesses = [guess(50.0, 0.9), guess(0.0, 0.5)];
    let ap = |ignored| {
        let truths = [truth(0.0, false), truth(50.0, ignored)];
        average_precision(&truths, &guesses, &Measure::ALL).classes[0].clone()
    };
    assert_eq!((ap(true).things, ap(true).ap), (1, 1.0));
    assert_eq!((ap(false).things, ap(false).ap), (2, 1.0));
    // Without it there, its box is wrong.
    let alone = average_precision(&[truth(0.0, false)], &guesses, &Measure::ALL);
    assert_eq!(alone.classes[0].ap_50, 0.5);
}
