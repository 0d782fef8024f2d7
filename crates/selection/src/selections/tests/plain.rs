//! The same, found by a look at each substation.

use proptest::prelude::*;

use super::*;

proptest! {
    #[test]
    fn it_agrees_with_a_look_at_each_substation(
        town in prop::collection::vec(("[abc]?(,[abc])?", "[xy]", prop::option::of(0..40_u8)), 0..150),
        requests in prop::collection::vec(("[abcd]?", "[xyz]?", prop::option::of(0..45_u8)), 1..20),
    ) {
        let town: Vec<_> = town.iter().map(|(connector, zone, power)| {
            let mut own = labels(&[("connector", connector), ("zone", zone)]);
            if let Some(power) = power {
                own.insert("power".into(), power.to_string());
            }
            own
        }).collect();
        let grid = Grid::new(rules(), &town);
        for (connector, zone, power) in requests {
            let can = |own: &BTreeMap<String, String>| {
                let has = own["connector"].split(',').any(|one| one == connector);
                let number = own.get("power").map(|own| own.parse::<u8>().unwrap());
                (connector.is_empty() || has) && power.is_none_or(|power| number >= Some(power))
            };
            let plain: Vec<_> = (0..town.len()).filter(|at| can(&town[*at])).collect();
            let power = power.map(|power| ("power_kw", Value::Whole(power.into())));
            let fields: Vec<_> = [("connector_type", Value::Text(&connector))].into_iter().chain(power).collect();
            let Ok(selection) = grid.of(&fields, &zone) else {
                prop_assert!(plain.is_empty() && !town.is_empty());
                continue;
            };
            let selection = selection.as_deref();
            let in_mask = |mask: Option<&Mask>| {
                (0..town.len()).filter(|at| mask.is_none_or(|mask| mask.contains(*at))).collect::<Vec<_>>()
            };
            prop_assert_eq!(&in_mask(selection.and_then(Selection::needs)), &plain);
            if let Some([(mask, _)]) = selection.map(Selection::preferred) {
                let near: Vec<_> = plain.iter().copied().filter(|at| town[*at]["zone"] == zone).collect();
                prop_assert_eq!(in_mask(Some(mask)), near);
            }
        }
    }
}
