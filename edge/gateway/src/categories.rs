use axum::extract::State;
use http::StatusCode;
use serde::Serialize;
use shoal_contract::products::{
    Category, CategoryId, CategoryRef, ListCategories, NewCategory, ReplaceCategory,
};
use shoal_net::http::{Json, Path, Problem};
use utoipa::ToSchema;

use crate::auth::Cx;
use crate::change::Change;
use crate::gateway::Gateway;

/// The category tree.
#[derive(Serialize, ToSchema)]
pub(crate) struct CategoryList {
    /// Parents before children, siblings by position.
    categories: Vec<Category>,
}

/// Lists the whole category tree, parents before children.
#[utoipa::path(get, path = "/v1/categories", tag = "categories",
    responses((status = 200, description = "The categories", body = CategoryList)))]
pub(crate) async fn list_categories(
    State(gateway): State<Gateway>,
    Cx(cx): Cx,
) -> Result<Json<CategoryList>, Problem> {
    let categories = gateway.products()?.list_categories(&cx, ListCategories {}).await?;
    Ok(Json(CategoryList { categories }))
}

/// Adds a category; staff only.
#[utoipa::path(post, path = "/v1/categories", tag = "categories", request_body = NewCategory,
    security(("bearer" = [])), responses((status = 201, description = "The new category", body = Category)))]
pub(crate) async fn create_category(
    State(gateway): State<Gateway>,
    Change { cx, body }: Change<NewCategory>,
) -> Result<(StatusCode, Json<Category>), Problem> {
    Ok((StatusCode::CREATED, Json(gateway.products()?.create_category(&cx, body).await?)))
}

/// Renames or moves a category; staff only.
#[utoipa::path(put, path = "/v1/categories/{category}", tag = "categories", security(("bearer" = [])),
    params(("category" = CategoryId, Path, description = "Which category")), request_body = NewCategory,
    responses((status = 200, description = "The category as changed", body = Category)))]
pub(crate) async fn replace_category(
    State(gateway): State<Gateway>,
    Cx(cx): Cx,
    Path(id): Path<CategoryId>,
    Json(category): Json<NewCategory>,
) -> Result<Json<Category>, Problem> {
    let request = ReplaceCategory { id, category };
    Ok(Json(gateway.products()?.replace_category(&cx, request).await?))
}

/// Removes a category that has neither children nor products; staff only.
#[utoipa::path(delete, path = "/v1/categories/{category}", tag = "categories", security(("bearer" = [])),
    params(("category" = CategoryId, Path, description = "Which category")),
    responses((status = 204, description = "Removed")))]
pub(crate) async fn remove_category(
    State(gateway): State<Gateway>,
    Cx(cx): Cx,
    Path(id): Path<CategoryId>,
) -> Result<StatusCode, Problem> {
    gateway.products()?.remove_category(&cx, CategoryRef { id }).await?;
    Ok(StatusCode::NO_CONTENT)
}
