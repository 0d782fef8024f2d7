//! What was found at each substation, in words.

use anyhow::bail;
use switchyard_config::Substation;
use switchyard_survey::{Look, Surveyor};

use super::{plan::Plan, talk::say};
use crate::probe::took;

/// The most substations that are told one by one.
const MOST: usize = 20;

/// Says what each substation answered.
pub(super) fn say_looks(seen: &[(&Substation, &Look)]) {
    let (good, bad): (Vec<_>, Vec<_>) = seen.iter().partition(|(_, look)| look.no_page().is_none());
    for (substation, look) in good.iter().take(MOST) {
        say(format_args!(
            "{}: {} series of {} metrics in {}",
            title(substation),
            look.page.series.len(),
            look.page.names().len(),
            took(look.took)
        ));
    }
    more(good.len());
    for (substation, look) in bad.iter().take(MOST) {
        let why = look.no_page().unwrap_or_default();
        say(format_args!("{}: {why}", title(substation)));
    }
    more(bad.len());
}

fn more(count: usize) {
    if count > MOST {
        say(format_args!("… and {} more", count - MOST));
    }
}

fn title(substation: &Substation) -> String {
    format!("{} ({})", substation.name, substation.authority())
}

/// Says which sample a scrape reads of each page, and fails if it reads none anywhere.
pub(super) fn say_samples(
    plan: &Plan,
    surveyor: &Surveyor,
    seen: &[(&Substation, &Look)],
) -> anyhow::Result<()> {
    let pages = seen.iter().filter(|(_, look)| look.no_page().is_none());
    let mut good = 0;
    for (at, (substation, look)) in pages.enumerate() {
        let said = match surveyor.read(&look.bytes) {
            Ok((reading, fault)) => {
                good += 1;
                let capacity = reading
                    .capacity
                    .map(switchyard_balance::Load::units)
                    .or(plan.capacity);
                let of = capacity.map(|capacity| format!(" of {capacity}"));
                let fault = fault.map(|fault| format!("; no capacity: {fault}"));
                format!(
                    "load {}{}{}",
                    reading.load.units(),
                    of.unwrap_or_default(),
                    fault.unwrap_or_default()
                )
            }
            Err(failure) => format!("no sample: {failure}"),
        };
        if at < MOST {
            say(format_args!("  {}: {said}", title(substation)));
        }
    }
    if good == 0 {
        bail!("no sample can be read of any page, so nothing was written");
    }
    let silent = seen.len() - good;
    if silent > 0 {
        say(format_args!(
            "Note: {silent} of {} give no sample now. The proxy serves them all the same, and believes their load to be \
             like that of the others.",
            seen.len()
        ));
    }
    Ok(())
}
