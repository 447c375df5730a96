//! The API reference for people, at `/docs`: Swagger UI from our own binary, showing `/openapi.json`.
//!
//! The framework embeds the page's program and style and can only show its own, uncleaned document; so the two are
//! taken from its page and given one of ours. Nothing is loaded from another host, and the page's own policy
//! (CSP) forbids it: scripts and calls to this origin only, no inline script. Swagger UI sets styles inline.

use std::sync::LazyLock;

use poem::endpoint::make_sync;
use poem::http::{Method, header};
use poem::{Response, Route, get};
use poem_openapi::OpenApiService;

use super::routes::RouteTable;

const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; \
    font-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

const PAGE: &str = r#"<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Palisade API reference</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="/docs/swagger-ui.css">
<script src="/docs/swagger-ui.js" defer></script>
<script src="/docs/start.js" defer></script>
</head>
<body>
<div id="ui"></div>
<noscript>This page needs JavaScript. The document itself is at <a href="/openapi.json">/openapi.json</a>.</noscript>
</body>
</html>
"#;

/// `validatorUrl: null`: by default Swagger UI shows the document's address to a validator on the internet.
const START: &str = "SwaggerUIBundle({ url: '/openapi.json', dom_id: '#ui', deepLinking: true, \
    validatorUrl: null, persistAuthorization: false, displayOperationId: true, showExtensions: true });\n";

static ASSETS: LazyLock<(String, String)> = LazyLock::new(|| {
    let page = OpenApiService::new((), "", "").swagger_ui_html();
    let between = |start: &str, end: &str| {
        let rest = page.split_once(start).map_or("", |(_, rest)| rest);
        rest.split_once(end).map_or("", |(text, _)| text).to_owned()
    };
    let style = between("<style charset=\"UTF-8\">", "</style>");
    (style, between("<script charset=\"UTF-8\">", "</script>\n</head>"))
});

/// `/docs` and its three files, to be merged into the routes; nest it at `/docs`.
#[must_use]
pub(super) fn routes() -> Route {
    let file = |kind: &'static str, text: fn() -> &'static str| {
        get(make_sync(move |_| {
            let response =
                Response::builder().content_type(kind).header(header::CONTENT_SECURITY_POLICY, POLICY);
            // They change only with a release, and are asked for again then.
            response.header(header::CACHE_CONTROL, "no-cache").body(text())
        }))
    };
    Route::new()
        .at("/", file("text/html; charset=utf-8", || PAGE))
        .at("/swagger-ui.css", file("text/css; charset=utf-8", || &ASSETS.0))
        .at("/swagger-ui.js", file("text/javascript; charset=utf-8", || &ASSETS.1))
        .at("/start.js", file("text/javascript; charset=utf-8", || START))
}

/// The same paths for the edge's table.
#[must_use]
pub(super) fn table(table: RouteTable) -> RouteTable {
    let paths = ["/docs", "/docs/", "/docs/swagger-ui.css", "/docs/swagger-ui.js", "/docs/start.js"];
    paths.iter().fold(table, |table, path| table.with(path, &[Method::GET]))
}

#[cfg(test)]
mod tests {
    use poem::EndpointExt as _;
    use poem::test::TestClient;

    use super::*;

    #[tokio::test]
    async fn the_page_loads_only_what_we_serve() {
        let client = TestClient::new(Route::new().nest("/docs", routes()).boxed());
        let page = client.get("/docs").send().await.0;
        assert_eq!(page.header("Content-Security-Policy"), Some(POLICY));
        let page = page.into_body().into_string().await.expect("it is text");
        assert!(!page.contains("://") && !page.contains("<style") && !page.contains("<script>"), "{page}");
        let sources = page
            .split([' ', '>'])
            .filter_map(|word| word.strip_prefix("src=").or(word.strip_prefix("href=")));
        for path in sources.map(|path| path.trim_matches('"')).filter(|path| path.starts_with("/docs")) {
            let file = client.get(path).send().await.0;
            assert_eq!(file.status(), 200, "{path}");
            let length = file.into_body().into_vec().await.expect("it reads").len();
            assert!(length > 100, "{path} is only {length} bytes");
        }
        assert!(
            ASSETS.0.len() > 100_000 && ASSETS.1.len() > 1_000_000,
            "the framework's page has another form now"
        );
        assert!(ASSETS.1.contains("SwaggerUIBundle") && START.contains("validatorUrl: null"));
    }
}
