//! The reader of CommonRoad on published scenarios. Counts are those of the
//! elements in the files.

mod recorded;

use janus_datasets::commonroad::{Behaviour, Position, Role, Scenario, Version};
use janus_datasets::roads::Crossing;
use recorded::recorded;

/// The file's name, and how many lanelets, obstacles, states of trajectories,
/// occupancies, problems and goals it has.
#[rustfmt::skip]
const FILES: [(&str, [usize; 6]); 16] = [
    ("ARG_Carcarana-4_5_T-1", [368, 8, 264, 0, 1, 1]),
    ("DEU_A9-3_1_T-1", [32, 9, 229, 0, 1, 1]),
    ("DEU_Gar-1_1_T-1", [5, 4, 80, 0, 1, 1]),
    ("DEU_Moabit-4_1_T-1", [51, 1, 33, 0, 1, 1]),
    ("DEU_Moelln-4_4_T-1", [75, 8, 270, 0, 1, 1]),
    ("DEU_Test-1_1_T-1", [4, 2, 69, 0, 1, 1]),
    ("FRA_Anglet-1_1_T-1", [20, 8, 264, 0, 1, 1]),
    ("OSC_CutIn-1_2_T-1", [2, 2, 198, 0, 1, 1]),
    ("OSC_PedestrianCollision-1_1_T-26", [24, 2, 30, 29, 1, 1]),
    ("OSC_PedestrianCollision-1_1_T-47", [24, 2, 9, 8, 1, 1]),
    ("USA_US101-3_3_T-1", [12, 12, 372, 0, 1, 1]),
    ("ZAM-Ramp-1_1-T-1", [11, 3, 150, 0, 1, 1]),
    ("ZAM_Over-1_1", [2, 1, 0, 0, 1, 1]),
    ("ZAM_Tjunction-1_97_T-1", [12, 5, 735, 0, 1, 1]),
    ("ZAM_Urban-3_3_Repair", [2, 3, 36, 0, 1, 1]),
    ("ZAM_Zip-2_1_T-1", [6, 1, 86, 0, 1, 0]),
];

#[test]
fn every_file_is_read_whole() {
    let Some(folder) = recorded("planning/commonroad") else {
        return;
    };
    let listed = folder.read_dir().expect("is a folder").count();
    assert_eq!(listed, FILES.len());
    for (name, counts) in FILES {
        let path = folder.join(name).with_extension("xml");
        let scenario = Scenario::open(&path).expect("is whole");
        let (mut states, mut occupancies) = (0, 0);
        for obstacle in &scenario.obstacles {
            match &obstacle.behaviour {
                Behaviour::Trajectory(trajectory) => states += trajectory.len(),
                Behaviour::Occupancy(set) => occupancies += set.len(),
                Behaviour::Untold => assert_eq!(obstacle.role, Role::Static, "{name}"),
            }
            assert!(!obstacle.shape.is_empty() && obstacle.initial.is_some());
        }
        let goals = scenario.problems.iter().map(|problem| problem.goals.len());
        let found = [
            scenario.roads.lanes().len(),
            scenario.obstacles.len(),
            states,
            occupancies,
            scenario.problems.len(),
            goals.sum(),
        ];
        assert_eq!(found, counts, "{name}");
        assert!(scenario.time_step_s == 0.1 || name.starts_with("DEU_A9"));
        assert!(!scenario.header.author.is_empty(), "{name}");
    }
}

#[test]
fn lanes_go_on_where_they_end_and_lead_between_their_borders() {
    let Some(folder) = recorded("planning/commonroad") else {
        return;
    };
    for (name, _) in FILES {
        let path = folder.join(name).with_extension("xml");
        let roads = Scenario::open(&path).expect("is whole").roads;
        for lane in roads.lanes() {
            for successor in &lane.successors {
                let next = &roads.lanes()[*successor];
                let (end, begin) = (lane.centre.at(f64::INFINITY).at, next.centre.at(0.0).at);
                let gap = (end[0] - begin[0]).hypot(end[1] - begin[1]);
                // One file names lanelets that lie elsewhere, and one itself.
                let known = name == "ZAM-Ramp-1_1-T-1";
                let (from, to) = (lane.id, next.id);
                assert!(gap < 1.0 || known, "{name}: {from} to {to}: {gap} m");
            }
            let outline = lane.left.points().iter();
            let outline = outline.chain(lane.right.points().iter().rev());
            let surface = Crossing {
                outline: outline.copied().collect(),
                way: lane.centre.clone(),
            };
            let points = lane.centre.points();
            // The ends lie on the edge.
            for point in &points[1..points.len() - 1] {
                let between = surface.holds([point[0], point[1]]);
                assert!(between, "{name}: {}: {point:?}", lane.id);
            }
        }
    }
}

#[test]
fn what_single_files_say_is_known() {
    let Some(folder) = recorded("planning/commonroad") else {
        return;
    };
    let open = |name| Scenario::open(&folder.join(name)).expect("is whole");
    let merging = open("DEU_Test-1_1_T-1.xml");
    assert_eq!(merging.header.benchmark_id, "DEU_Test-1_1_T-1");
    assert_eq!(merging.header.version, Version::V2020a);
    let limits: Vec<_> = merging
        .roads
        .lanes()
        .iter()
        .filter_map(|l| l.speed_limit)
        .collect();
    assert_eq!(limits, [16.666666666666668]);
    let goal = merging.problems[0].goals[0].position.as_ref();
    let Some(Position::Lanes(lanes)) = goal else {
        panic!("a lanelet is the goal: {goal:?}");
    };
    assert_eq!(merging.roads.lanes()[lanes[0]].id, 3);
    let motorway = open("DEU_A9-3_1_T-1.xml");
    let all = motorway.roads.lanes().iter();
    assert!(all.clone().all(|lane| lane.speed_limit == Some(27.78)));
    let beside = all
        .filter_map(|lane| lane.left_neighbour)
        .filter(|left| left.same_way);
    assert_eq!(beside.count(), 24);
    let zip = open("ZAM_Zip-2_1_T-1.xml");
    assert_eq!(zip.problems[0].goals, []);
    // Its one crosswalk leads from border to border of what it crosses.
    let [crossing] = zip.roads.crossings() else {
        panic!("one crossing");
    };
    let middle = crossing.way.at(crossing.way.length() / 2.0).at;
    assert!(crossing.holds([middle[0], middle[1]]));
}
