//! The README's screenshots of the real page: `make pictures`.

use std::{env, fs, path::Path, thread, time::Duration};

use serde_json::json;

use crate::{browser::Browser, live::Demo, rig::until};

/// The part of the page to show: from the verdict to the last choices.
const SIZE: (u32, u32) = (1_240, 860);

#[test]
#[ignore = "writes into docs/pictures: make pictures"]
fn keeps_the_pictures_of_the_readme() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/pictures");
    fs::create_dir_all(&folder).unwrap();
    let (_demo, admin) = Demo::start("120s", "16:00-20:00", "30000");
    let browser = Browser::open(admin).expect("pictures need a browser");
    let (width, height) = SIZE;
    browser.size(width, height);
    // Well into the evening, when the charts show the rise.
    let seconds = env::var("PAGE_SECONDS").map_or(75, |text| text.parse().unwrap());
    thread::sleep(Duration::from_secs(seconds));
    for theme in ["light", "dark"] {
        browser.theme(theme);
        until("a snapshot with samples", || {
            (browser.text("#sentence") == "Healthy: no problems found.").then_some(())
        });
        let clip = json!({"x": 0, "y": 0, "width": width, "height": height, "scale": 1});
        fs::write(
            folder.join(format!("page-{theme}.png")),
            browser.screenshot(&clip),
        )
        .unwrap();
    }
    browser.is_clean();
}
