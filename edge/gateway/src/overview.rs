//! One page made of many services: asked at the same time, answered with what came.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::{FromRequestParts, State};
use garde::Validate;
use http::request::Parts;
use serde::{Deserialize, Deserializer, Serialize};
use shoal_contract::orders::{ListOrders, Order};
use shoal_contract::products::{ListProducts, Product};
use shoal_contract::users::{ListUsers, User};
use shoal_net::http::{Json, Problem, Query};
use shoal_types::{Context, Cursor, Deadline, Fact, Fault, Kind, Limit, Page, PageRequest};
use tokio::time::timeout;
use utoipa::{IntoParams, ToSchema};

use crate::auth::{bearer, context, log_in};
use crate::gateway::Gateway;

/// A part of the overview.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Section {
    /// From the user service.
    Users,
    /// From the product service.
    Products,
    /// From the order service.
    Orders,
}

impl Section {
    const ALL: [Self; 3] = [Self::Users, Self::Products, Self::Orders];

    const fn as_str(self) -> &'static str {
        match self {
            Self::Users => "users",
            Self::Products => "products",
            Self::Orders => "orders",
        }
    }
}

/// Sections as the query string lists them, `users,orders`; all if it lists none.
pub(crate) struct Sections(Vec<Section>);

impl Default for Sections {
    fn default() -> Self {
        Self(Section::ALL.into())
    }
}

impl<'de> Deserialize<'de> for Sections {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
        if text.is_empty() {
            return Ok(Self::default());
        }
        let section = |word: &str| Section::ALL.into_iter().find(|section| section.as_str() == word);
        let sections = text.split(',').map(section).collect::<Option<Vec<_>>>();
        sections.map(Self).ok_or_else(|| {
            serde::de::Error::custom("expected some of users, products and orders, separated by commas")
        })
    }
}

/// What the overview is made of.
#[derive(Deserialize, IntoParams, Validate)]
#[into_params(parameter_in = Query)]
#[garde(allow_unvalidated)]
pub(crate) struct OverviewWanted {
    /// The sections, separated by commas; all if absent.
    #[serde(default)]
    #[param(value_type = Vec<Section>, inline, style = Form, explode = false)]
    include: Sections,
    /// Items in each section.
    #[serde(default)]
    #[param(inline)]
    limit: Limit,
}

/// The first page of each section that came.
#[derive(Default, Serialize, ToSchema)]
pub(crate) struct Overview {
    /// The newest users.
    #[serde(skip_serializing_if = "Option::is_none")]
    users: Option<Vec<User>>,
    /// The newest products.
    #[serde(skip_serializing_if = "Option::is_none")]
    products: Option<Vec<Arc<Product>>>,
    /// The newest orders.
    #[serde(skip_serializing_if = "Option::is_none")]
    orders: Option<Vec<Order>>,
    /// For each section that goes on, the `cursor` with which its own list does.
    next: BTreeMap<Section, Cursor>,
    /// Sections whose service is away or did not answer in time.
    degraded: Vec<Section>,
    /// Sections the caller may not see.
    denied: Vec<Section>,
}

/// Shows users, products and orders on one page.
///
/// The services are asked at the same time and under one deadline. A section that did not come in time is named in
/// `degraded`, one that the caller may not see in `denied`; the rest of the page comes all the same.
#[utoipa::path(get, path = "/v1/overview", tag = "overview", params(OverviewWanted),
    responses((status = 200, description = "What came", body = Overview)))]
pub(crate) async fn get_overview(
    State(gateway): State<Gateway>,
    Visitor { cx, known }: Visitor,
    Query(wanted): Query<OverviewWanted>,
) -> Json<Overview> {
    let within = cx.deadline.remaining(&gateway.options.env).min(share(gateway.options.overview_timeout, 2));
    let cx = cx.with_deadline(Deadline::after(&gateway.options.env, within));
    let ask = Ask { wanted: &wanted.include.0, within, known };
    let page = || PageRequest { limit: wanted.limit, cursor: None };
    let (users, products, orders) = tokio::join!(
        ask.section(Section::Users, async {
            gateway.users()?.list_users(&cx, ListUsers { page: page(), ..ListUsers::default() }).await
        }),
        ask.section(Section::Products, async {
            gateway
                .products()?
                .list_products(&cx, ListProducts { page: page(), ..ListProducts::default() })
                .await
        }),
        ask.section(Section::Orders, async {
            gateway.orders()?.list_orders(&cx, ListOrders { page: page(), ..ListOrders::default() }).await
        }),
    );
    let mut overview = Overview::default();
    overview.users = overview.note(Section::Users, users);
    overview.products = overview.note(Section::Products, products);
    overview.orders = overview.note(Section::Orders, orders);
    Json(overview)
}

/// `thirds` of the overview's time: finding out who asks gets one, the sections the rest.
fn share(whole: Duration, thirds: u32) -> Duration {
    whole * thirds / 3
}

/// Who asks for the overview. If that cannot be found out now, the page is made as for nobody, and what they might
/// see counts as degraded, not as denied.
pub(crate) struct Visitor {
    cx: Context,
    known: bool,
}

impl FromRequestParts<Gateway> for Visitor {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, gateway: &Gateway) -> Result<Self, Problem> {
        let cx = context(parts)?;
        let Some(token) = bearer(&parts.headers)? else { return Ok(Self { cx, known: true }) };
        let within = share(gateway.options.overview_timeout, 1);
        let asked = cx.with_deadline(Deadline::after(&gateway.options.env, within));
        match timeout(within, log_in(parts, gateway, asked, token)).await {
            Ok(Ok((logged_in, _))) => Ok(Self { cx: cx.with_caller(logged_in.caller), known: true }),
            Ok(Err(problem)) if problem.status().is_client_error() => Err(problem),
            Ok(Err(_)) | Err(_) => Ok(Self { cx, known: false }),
        }
    }
}

/// What became of a section.
enum Outcome<T> {
    NotAsked,
    Came(Page<T>),
    Degraded,
    Denied,
}

/// How sections are asked for.
struct Ask<'a> {
    wanted: &'a [Section],
    within: Duration,
    known: bool,
}

impl Ask<'_> {
    async fn section<T, E>(
        &self,
        section: Section,
        call: impl Future<Output = Result<Page<T>, E>>,
    ) -> Outcome<T>
    where
        E: Fact + From<Fault>,
    {
        if !self.wanted.contains(&section) {
            return Outcome::NotAsked;
        }
        let answer =
            timeout(self.within, call).await.unwrap_or_else(|_| Err(Fault::DeadlineExceeded {}.into()));
        let error = match answer {
            Ok(page) => return Outcome::Came(page),
            Err(error) => error,
        };
        let refused = matches!(error.kind(), Kind::Unauthenticated | Kind::Forbidden);
        if refused && self.known {
            return Outcome::Denied;
        }
        tracing::warn!(
            section = section.as_str(),
            code = error.code(),
            "a section of the overview did not come"
        );
        Outcome::Degraded
    }
}

impl Overview {
    fn note<T>(&mut self, section: Section, outcome: Outcome<T>) -> Option<Vec<T>> {
        match outcome {
            Outcome::NotAsked => None,
            Outcome::Came(page) => {
                self.next.extend(page.next.map(|cursor| (section, cursor)));
                Some(page.items)
            }
            Outcome::Degraded => {
                self.degraded.push(section);
                None
            }
            Outcome::Denied => {
                self.denied.push(section);
                None
            }
        }
    }
}
