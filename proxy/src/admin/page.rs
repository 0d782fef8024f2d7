//! The live page: plain files, built into the binary, with headers that restrict them.
//!
//! The files hold no data, so they need no token; the data comes from `/events`. The content
//! security policy lets the page load from and connect to its own origin only, run no script but
//! these files, and be framed by no other page. So an unescaped name, if there ever were one, could
//! do nothing.

use http::{Response, header};

use super::reply;

/// The content security policy of the page.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; \
    img-src 'self' data:; frame-ancestors 'none'; base-uri 'none'; form-action 'none'";

const HTML: &str = "text/html; charset=utf-8";
const CSS: &str = "text/css; charset=utf-8";
const SCRIPT: &str = "text/javascript; charset=utf-8";

macro_rules! files {
    ($($path:literal $kind:ident $file:literal),* $(,)?) => {
        [$(($path, $kind, include_str!(concat!("page/", $file)))),*]
    };
}

/// Path, content type and content of each file.
const FILES: &[(&str, &str, &str)] = &files! {
    "/" HTML "index.html",
    "/page/style.css" CSS "style.css",
    "/page/balance.js" SCRIPT "balance.js",
    "/page/chart.js" SCRIPT "chart.js",
    "/page/confirm.js" SCRIPT "confirm.js",
    "/page/configuration.js" SCRIPT "configuration.js",
    "/page/decisions.js" SCRIPT "decisions.js",
    "/page/dom.js" SCRIPT "dom.js",
    "/page/feed.js" SCRIPT "feed.js",
    "/page/format.js" SCRIPT "format.js",
    "/page/grid.js" SCRIPT "grid.js",
    "/page/health.js" SCRIPT "health.js",
    "/page/history.js" SCRIPT "history.js",
    "/page/main.js" SCRIPT "main.js",
    "/page/strip.js" SCRIPT "strip.js",
    "/page/substation.js" SCRIPT "substation.js",
    "/page/tree.js" SCRIPT "tree.js",
};

/// The file at that path, if it belongs to the page.
pub(super) fn at(path: &str) -> Option<Response<Vec<u8>>> {
    let (_, kind, content) = FILES.iter().find(|(at, _, _)| *at == path)?;
    let mut answer = reply(200, kind, content.as_bytes().to_vec());
    let headers = [
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "no-referrer"),
        // After an upgrade another version of the program has the same address.
        (header::CACHE_CONTROL, "no-cache"),
    ];
    for (name, value) in headers {
        answer
            .headers_mut()
            .insert(name, http::HeaderValue::from_static(value));
    }
    Some(answer)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_is_small() {
        let bytes = |is_tree: bool| -> usize {
            let files = FILES.iter();
            let files = files.filter(|(path, _, _)| (*path == "/page/tree.js") == is_tree);
            files.map(|(_, _, content)| content.len()).sum()
        };
        assert!(bytes(false) <= 80 * 1024, "{} bytes", bytes(false));
        // Only fetched where there are feeders.
        assert!(bytes(true) <= 10 * 1024, "{} bytes", bytes(true));
    }

    #[test]
    fn the_page_refers_only_to_its_own_files() {
        for (path, _, content) in FILES {
            for word in [
                "http://",
                "https://",
                "//cdn",
                "@import",
                "eval(",
                "innerHTML",
            ] {
                // The name of the SVG namespace is not requested by any browser.
                let content = content.replace("http://www.w3.org/2000/svg", "");
                assert!(!content.contains(word), "{path}: {word}");
            }
            let quoted = content.split(['"', '\'']).skip(1).step_by(2);
            for file in
                quoted.filter(|text| matches!(text.rsplit_once('.'), Some((_, "js" | "css"))))
            {
                let name = file.rsplit('/').next().unwrap();
                let is_there = FILES
                    .iter()
                    .any(|(path, _, _)| path.ends_with(&format!("/{name}")));
                assert!(is_there, "{path} refers to {file}");
            }
        }
    }

    #[test]
    fn the_html_has_no_inline_scripts_or_styles() {
        let html = FILES.iter().find(|(path, _, _)| *path == "/").unwrap().2;
        for (at, _) in html.match_indices("<script") {
            assert!(
                html[at..].starts_with("<script type=\"module\" src="),
                "{}",
                &html[at..at + 40]
            );
        }
        for word in [
            "<style",
            " style=",
            " onclick=",
            " onload=",
            " onerror=",
            "javascript:",
        ] {
            assert!(!html.contains(word), "{word}");
        }
    }
}
