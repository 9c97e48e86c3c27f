use std::sync::Arc;

use axum::extract::{FromRequestParts, State};
use axum::response::Response;
use garde::Validate;
use http::StatusCode;
use http::request::Parts;
use quick_cache::sync::Cache;
use serde::{Deserialize, Serialize};
use shoal_contract::products::{
    ListProducts, NewProduct, Product, ProductId, ProductRef, ProductSort, ProductStatus, ReplaceProduct,
    Search, SearchResults, SearchSort,
};
use shoal_net::http::{Entity, Json, Path, Problem, Query};
use shoal_types::{Context, Currency, Cursor, Limit, Page, PageRequest};
use utoipa::openapi::path::{Parameter, ParameterIn};
use utoipa::{IntoParams, ToSchema};

use crate::answer;
use crate::auth::Cx;
use crate::change::Change;
use crate::gateway::Gateway;
use crate::parameters::{Expected, Known, ProductKey, repeated_query, take_repeated};

/// Products as they are sent, so that one that has not changed is written once.
///
/// The service is asked each time, and the entry counts only if it gives the very same product: an answer from here
/// is never older than one without it.
pub(crate) struct WrittenProducts(Cache<ProductId, Arc<Written>>);

struct Written {
    product: Arc<Product>,
    entity: Entity,
}

impl WrittenProducts {
    pub(crate) fn at_most(products_max: usize) -> Self {
        Self(Cache::new(products_max))
    }

    fn answer(&self, known: &Known, product: Arc<Product>) -> Result<Response, Problem> {
        if let Some(written) = self.0.get(&product.id).filter(|written| written.is_of(&product)) {
            return Ok(written.entity.answer(&known.0));
        }
        let entity = answer::entity(&product)?;
        let response = entity.answer(&known.0);
        self.0.insert(product.id, Arc::new(Written { product, entity }));
        Ok(response)
    }
}

impl Written {
    fn is_of(&self, product: &Arc<Product>) -> bool {
        // A local house hands out the same allocation until the product changes; a remote one a new one each time.
        Arc::ptr_eq(&self.product, product) || self.product == *product
    }
}

/// A page of products.
#[derive(Serialize, ToSchema)]
pub(crate) struct ProductList {
    /// The products.
    products: Vec<Arc<Product>>,
    /// The `cursor` of the next page; absent on the last.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<Cursor>,
}

impl From<Page<Arc<Product>>> for ProductList {
    fn from(page: Page<Arc<Product>>) -> Self {
        Self { products: page.items, next: page.next }
    }
}

/// Which products, in which order.
#[derive(Deserialize, IntoParams, Validate)]
#[into_params(parameter_in = Query)]
#[garde(allow_unvalidated)]
pub(crate) struct ProductsWanted {
    /// Items on a page.
    #[serde(default)]
    #[param(inline)]
    limit: Limit,
    /// The `next` of the page before, asked with the same filters and order.
    #[param(inline)]
    cursor: Option<Cursor>,
    /// The order.
    #[serde(default)]
    #[param(inline)]
    sort: ProductSort,
    /// Only in this category or below it, by slug.
    #[garde(length(max = 120))]
    #[param(max_length = 120)]
    category: Option<String>,
    /// Only of this maker.
    #[garde(length(chars, max = 120))]
    #[param(max_length = 120)]
    brand: Option<String>,
    /// Only in this state; others than staff always get active ones.
    #[param(inline)]
    status: Option<ProductStatus>,
    /// The currency of the price bounds and orders; the shop's if absent.
    #[param(inline)]
    currency: Option<Currency>,
    /// Lowest price wanted, minor units.
    #[garde(range(min = 0))]
    #[param(minimum = 0)]
    price_min: Option<i64>,
    /// Highest price wanted, minor units.
    #[garde(range(min = 0))]
    #[param(minimum = 0)]
    price_max: Option<i64>,
}

/// Lists products.
#[utoipa::path(get, path = "/v1/products", tag = "products", params(ProductsWanted),
    responses((status = 200, description = "A page of products", body = ProductList)))]
pub(crate) async fn list_products(
    State(gateway): State<Gateway>,
    Cx(cx): Cx,
    Query(wanted): Query<ProductsWanted>,
) -> Result<Json<ProductList>, Problem> {
    let request = ListProducts {
        page: PageRequest { limit: wanted.limit, cursor: wanted.cursor },
        sort: wanted.sort,
        category: wanted.category,
        brand: wanted.brand,
        status: wanted.status,
        currency: wanted.currency,
        price_min: wanted.price_min,
        price_max: wanted.price_max,
    };
    Ok(Json(gateway.products()?.list_products(&cx, request).await?.into()))
}

/// Adds a product with its variants; staff only.
#[utoipa::path(post, path = "/v1/products", tag = "products", request_body = NewProduct, security(("bearer" = [])),
    responses((status = 201, description = "The new product", body = Product)))]
pub(crate) async fn create_product(
    State(gateway): State<Gateway>,
    Change { cx, body }: Change<NewProduct>,
) -> Result<Response, Problem> {
    let product = gateway.products()?.create_product(&cx, body).await?;
    Ok(answer::created(&format!("/v1/products/{}", product.id), answer::written(&product)))
}

/// Shows a product.
#[utoipa::path(get, path = "/v1/products/{product}", tag = "products",
    params(("product" = String, Path, description = "Its id or its slug"), Known),
    responses((status = 200, description = "The product", body = Product)))]
pub(crate) async fn get_product(
    State(gateway): State<Gateway>,
    Cx(cx): Cx,
    Path(ProductKey(product)): Path<ProductKey>,
    known: Known,
) -> Result<Response, Problem> {
    let product = gateway.products()?.get_product(&cx, product).await?;
    gateway.written_products.answer(&known, product)
}

/// Writes a product anew; staff only.
///
/// Variants are found again by their SKU; one that is left out goes, and the stock of those that stay is not touched.
#[utoipa::path(put, path = "/v1/products/{product}", tag = "products", security(("bearer" = [])),
    params(("product" = String, Path, description = "Its id or its slug"), Expected), request_body = NewProduct,
    responses((status = 200, description = "The product as changed", body = Product)))]
pub(crate) async fn replace_product(
    State(gateway): State<Gateway>,
    Cx(cx): Cx,
    Path(ProductKey(product)): Path<ProductKey>,
    Expected(expected_version): Expected,
    Json(body): Json<NewProduct>,
) -> Result<Response, Problem> {
    let id = id_of(&gateway, &cx, product).await?;
    let request = ReplaceProduct { id, expected_version, product: body };
    Ok(answer::written(&gateway.products()?.replace_product(&cx, request).await?))
}

async fn id_of(gateway: &Gateway, cx: &Context, product: ProductRef) -> Result<ProductId, Problem> {
    match product {
        ProductRef::Id(id) => Ok(id),
        slug => Ok(gateway.products()?.get_product(cx, slug).await?.id),
    }
}

/// Takes a product out of the shop; staff only. Orders keep what they remember.
#[utoipa::path(delete, path = "/v1/products/{product}", tag = "products", security(("bearer" = [])),
    params(("product" = String, Path, description = "Its id or its slug")),
    responses((status = 204, description = "Archived")))]
pub(crate) async fn archive_product(
    State(gateway): State<Gateway>,
    Cx(cx): Cx,
    Path(ProductKey(product)): Path<ProductKey>,
) -> Result<StatusCode, Problem> {
    gateway.products()?.archive_product(&cx, product).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// What to search for.
#[derive(Deserialize, IntoParams, Validate)]
#[into_params(parameter_in = Query)]
#[garde(allow_unvalidated)]
struct SearchWords {
    /// What was typed; everything is found if it is empty.
    #[serde(default)]
    #[garde(length(chars, max = 200))]
    #[param(max_length = 200)]
    q: String,
    /// Only in this category or below it, by slug.
    #[garde(length(max = 120))]
    #[param(max_length = 120)]
    category: Option<String>,
    /// The currency of the price bounds and orders; the shop's if absent.
    #[param(inline)]
    currency: Option<Currency>,
    /// Lowest price wanted, minor units.
    #[garde(range(min = 0))]
    #[param(minimum = 0)]
    price_min: Option<i64>,
    /// Highest price wanted, minor units.
    #[garde(range(min = 0))]
    #[param(minimum = 0)]
    price_max: Option<i64>,
    /// The order.
    #[serde(default)]
    #[param(inline)]
    sort: SearchSort,
    /// Results wanted.
    #[serde(default)]
    #[param(inline)]
    limit: Limit,
    /// Results to skip.
    #[serde(default)]
    #[garde(range(max = 1_000))]
    #[param(maximum = 1000)]
    offset: u32,
}

/// A search as the query string says it.
pub(crate) struct SearchWanted(Search);

const BRANDS_MAX: usize = 20;

impl<S: Sync> FromRequestParts<S> for SearchWanted {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let brands = take_repeated(parts, "brand", BRANDS_MAX)?;
        let Query(words) = Query::<SearchWords>::from_request_parts(parts, state).await?;
        Ok(Self(Search {
            text: words.q,
            category: words.category,
            brands,
            currency: words.currency,
            price_min: words.price_min,
            price_max: words.price_max,
            sort: words.sort,
            limit: words.limit,
            offset: words.offset,
        }))
    }
}

impl IntoParams for SearchWanted {
    fn into_params(place: impl Fn() -> Option<ParameterIn>) -> Vec<Parameter> {
        let mut parameters = SearchWords::into_params(place);
        parameters.push(repeated_query("brand", "Only of these makers", 0, BRANDS_MAX));
        parameters
    }
}

/// Searches the active products, with facets and highlighted matches. Small typing mistakes are forgiven.
#[utoipa::path(get, path = "/v1/search", tag = "products", params(SearchWanted),
    responses((status = 200, description = "What was found", body = SearchResults)))]
pub(crate) async fn search(
    State(gateway): State<Gateway>,
    Cx(cx): Cx,
    SearchWanted(search): SearchWanted,
) -> Result<Json<SearchResults>, Problem> {
    Ok(Json(gateway.products()?.search(&cx, search).await?))
}
