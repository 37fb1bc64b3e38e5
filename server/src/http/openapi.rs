//! The description of the API, generated from the code.

use crate::app::Shared;
use utoipa::OpenApi;
use utoipa::openapi::security::{Http, HttpAuthScheme, SecurityScheme};
use utoipa_axum::router::OpenApiRouter;

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Bihuan 闭环",
        description = "Closed-loop improvement for Voice-of-Customer teams."
    ),
    components(schemas(crate::http::problem::ProblemBody, crate::http::FieldError))
)]
struct Base;

/// All routes below `/api/v1`, with their description.
#[must_use]
pub fn api() -> OpenApiRouter<Shared> {
    OpenApiRouter::with_openapi(Base::openapi())
        .merge(crate::identity::http::routes())
        .merge(crate::organisation::http::routes())
        .merge(crate::calendar::http::routes())
        .merge(crate::routing::http::routes())
        .merge(crate::plugins::http::routes())
        .merge(crate::intake::export_http::routes())
        .merge(crate::intake::http::routes())
        .merge(crate::intake::collect::http::routes())
        .merge(crate::analysis::http::routes())
        .merge(crate::analysis::shadow::http::routes())
        .merge(crate::knowledge::http::routes())
        .merge(crate::detection::http::routes())
        .merge(crate::issues::http::routes())
        .merge(crate::issues::life::http::routes())
        .merge(crate::reviews::http::routes())
        .merge(crate::tasks::http::routes())
        .merge(crate::tasks::absence_http::routes())
        .merge(crate::tasks::due_http::routes())
        .merge(crate::tasks::escalation_http::routes())
        .merge(crate::tasks::refusal_http::routes())
        .merge(crate::tasks::sla_http::routes())
        .merge(crate::tasks::work_http::routes())
        .merge(crate::tasks::bulk_http::routes())
        .merge(crate::verification::http::routes())
        .merge(crate::notify::http::routes())
        .merge(crate::notify::people_http::routes())
}

/// The document that is committed and served.
#[must_use]
pub fn document() -> utoipa::openapi::OpenApi {
    let router: OpenApiRouter<Shared> = OpenApiRouter::new().nest("/api/v1", api());
    let mut document = router.into_openapi();
    document.info = utoipa::openapi::InfoBuilder::new()
        .title("Bihuan 闭环")
        .version(env!("CARGO_PKG_VERSION"))
        .description(Some("Closed-loop improvement for Voice-of-Customer teams."))
        .license(Some(utoipa::openapi::License::new("Apache-2.0")))
        .build();
    let components = document.components.get_or_insert_default();
    components.add_security_scheme(
        "bearer",
        SecurityScheme::Http(Http::new(HttpAuthScheme::Bearer)),
    );
    document
}

/// The document as text, ending in a line break.
#[must_use]
pub fn text() -> String {
    let mut text = serde_json::to_string_pretty(&document()).unwrap_or_default();
    text.push('\n');
    text
}
