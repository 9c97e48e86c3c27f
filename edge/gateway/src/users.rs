use axum::extract::State;
use axum::response::{IntoResponse, Response};
use garde::Validate;
use http::StatusCode;
use serde::{Deserialize, Serialize};
use shoal_contract::users::{
    AddressBody, AddressId, AddressRef, ChangePassword, GrantRole, ListUsers, NewUser, PasswordChange,
    Register, SaveAddress, SavedAddress, UpdateUser, User, UserChange, UserId, UserRef,
};
use shoal_net::http::{Json, Path, Problem, Query};
use shoal_types::{Cursor, Limit, Page, PageRequest, Role};
use utoipa::{IntoParams, ToSchema};

use crate::answer;
use crate::auth::{Cx, LoggedIn};
use crate::change::Change;
use crate::gateway::Gateway;
use crate::parameters::{Expected, Known};

/// A page of users, newest first.
#[derive(Serialize, ToSchema)]
pub(crate) struct UserList {
    /// The users.
    users: Vec<User>,
    /// The `cursor` of the next page; absent on the last.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<Cursor>,
}

impl From<Page<User>> for UserList {
    fn from(page: Page<User>) -> Self {
        Self { users: page.items, next: page.next }
    }
}

/// Which users.
#[derive(Deserialize, IntoParams, Validate)]
#[into_params(parameter_in = Query)]
#[garde(allow_unvalidated)]
pub(crate) struct UsersWanted {
    /// Items on a page.
    #[serde(default)]
    #[param(inline)]
    limit: Limit,
    /// The `next` of the page before.
    #[param(inline)]
    cursor: Option<Cursor>,
    /// Only users with this role.
    #[param(inline)]
    role: Option<Role>,
    /// Only the user with this e-mail address.
    #[garde(length(max = 254))]
    #[param(max_length = 254)]
    email: Option<String>,
}

/// Lists users; staff only.
#[utoipa::path(get, path = "/v1/users", tag = "users", params(UsersWanted), security(("bearer" = [])),
    responses((status = 200, description = "A page of users, newest first", body = UserList)))]
pub(crate) async fn list_users(
    State(gateway): State<Gateway>,
    Cx(cx): Cx,
    Query(wanted): Query<UsersWanted>,
) -> Result<Json<UserList>, Problem> {
    let page = PageRequest { limit: wanted.limit, cursor: wanted.cursor };
    let request = ListUsers { page, role: wanted.role, email: wanted.email };
    Ok(Json(gateway.users()?.list_users(&cx, request).await?.into()))
}

/// Opens an account for a customer.
#[utoipa::path(post, path = "/v1/users", tag = "users", request_body = Register,
    responses((status = 201, description = "The new user", body = User)))]
pub(crate) async fn register_user(
    State(gateway): State<Gateway>,
    Change { cx, body }: Change<Register>,
) -> Result<Response, Problem> {
    Ok(created(&gateway.users()?.register(&cx, body).await?))
}

/// Makes an account for somebody, with any role; staff only, and only an administrator may make staff.
#[utoipa::path(post, path = "/v1/admin/users", tag = "users", request_body = NewUser, security(("bearer" = [])),
    responses((status = 201, description = "The new user", body = User)))]
pub(crate) async fn create_user(
    State(gateway): State<Gateway>,
    Change { cx, body }: Change<NewUser>,
) -> Result<Response, Problem> {
    Ok(created(&gateway.users()?.create_user(&cx, body).await?))
}

fn created(user: &User) -> Response {
    answer::created(&format!("/v1/users/{}", user.id), answer::written(user))
}

/// Shows a user: oneself, or for staff anybody.
#[utoipa::path(get, path = "/v1/users/{user}", tag = "users", security(("bearer" = [])),
    params(("user" = UserId, Path, description = "Which user"), Known),
    responses((status = 200, description = "The user", body = User)))]
pub(crate) async fn get_user(
    State(gateway): State<Gateway>,
    Cx(cx): Cx,
    Path(user): Path<UserId>,
    known: Known,
) -> Result<Response, Problem> {
    answer::read(&known, &gateway.users()?.get_user(&cx, UserRef { user }).await?)
}

/// Changes a profile; fields left out stay.
#[utoipa::path(patch, path = "/v1/users/{user}", tag = "users", security(("bearer" = [])),
    params(("user" = UserId, Path, description = "Which user"), Expected), request_body = UserChange,
    responses((status = 200, description = "The user as changed", body = User)))]
pub(crate) async fn update_user(
    State(gateway): State<Gateway>,
    Cx(cx): Cx,
    Path(user): Path<UserId>,
    Expected(expected_version): Expected,
    Json(change): Json<UserChange>,
) -> Result<Response, Problem> {
    let user = gateway.users()?.update_user(&cx, UpdateUser { user, expected_version, change }).await?;
    Ok(answer::written(&user))
}

/// Closes an account: its sessions end and its personal data is erased.
#[utoipa::path(delete, path = "/v1/users/{user}", tag = "users", security(("bearer" = [])),
    params(("user" = UserId, Path, description = "Which user")),
    responses((status = 204, description = "Closed")))]
pub(crate) async fn delete_user(
    State(gateway): State<Gateway>,
    Cx(cx): Cx,
    Path(user): Path<UserId>,
) -> Result<StatusCode, Problem> {
    gateway.users()?.delete_user(&cx, UserRef { user }).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Shows who is logged in.
#[utoipa::path(get, path = "/v1/me", tag = "users", params(Known), security(("bearer" = [])),
    responses((status = 200, description = "The user who asks", body = User)))]
pub(crate) async fn get_me(
    State(gateway): State<Gateway>,
    LoggedIn { cx, user, .. }: LoggedIn,
    known: Known,
) -> Result<Response, Problem> {
    answer::read(&known, &gateway.users()?.get_user(&cx, UserRef { user }).await?)
}

/// Changes one's own profile; fields left out stay.
#[utoipa::path(patch, path = "/v1/me", tag = "users", params(Expected), request_body = UserChange,
    security(("bearer" = [])), responses((status = 200, description = "The user as changed", body = User)))]
pub(crate) async fn update_me(
    State(gateway): State<Gateway>,
    LoggedIn { cx, user, .. }: LoggedIn,
    Expected(expected_version): Expected,
    Json(change): Json<UserChange>,
) -> Result<Response, Problem> {
    let user = gateway.users()?.update_user(&cx, UpdateUser { user, expected_version, change }).await?;
    Ok(answer::written(&user))
}

/// A role to grant.
#[derive(Deserialize, ToSchema, Validate)]
#[garde(allow_unvalidated)]
pub(crate) struct RoleBody {
    /// The new role.
    role: Role,
}

/// Sets a role; administrators only.
#[utoipa::path(put, path = "/v1/users/{user}/role", tag = "users", security(("bearer" = [])),
    params(("user" = UserId, Path, description = "Which user")), request_body = RoleBody,
    responses((status = 200, description = "The user with the new role", body = User)))]
pub(crate) async fn set_role(
    State(gateway): State<Gateway>,
    Cx(cx): Cx,
    Path(user): Path<UserId>,
    Json(RoleBody { role }): Json<RoleBody>,
) -> Result<Response, Problem> {
    Ok(answer::written(&gateway.users()?.grant_role(&cx, GrantRole { user, role }).await?))
}

/// Changes a password; every other session of the user ends.
#[utoipa::path(put, path = "/v1/users/{user}/password", tag = "users", security(("bearer" = [])),
    params(("user" = UserId, Path, description = "Which user")), request_body = PasswordChange,
    responses((status = 204, description = "Changed")))]
pub(crate) async fn change_password(
    State(gateway): State<Gateway>,
    LoggedIn { cx, session, .. }: LoggedIn,
    Path(user): Path<UserId>,
    Json(change): Json<PasswordChange>,
) -> Result<StatusCode, Problem> {
    let request = ChangePassword { user, keep: Some(session), change };
    gateway.users()?.change_password(&cx, request).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// The addresses a user keeps.
#[derive(Serialize, ToSchema)]
pub(crate) struct AddressList {
    /// The addresses, the default first.
    addresses: Vec<SavedAddress>,
}

/// Lists the addresses a user keeps, the default first.
#[utoipa::path(get, path = "/v1/users/{user}/addresses", tag = "users", security(("bearer" = [])),
    params(("user" = UserId, Path, description = "Whose")),
    responses((status = 200, description = "The addresses", body = AddressList)))]
pub(crate) async fn list_addresses(
    State(gateway): State<Gateway>,
    Cx(cx): Cx,
    Path(user): Path<UserId>,
) -> Result<Json<AddressList>, Problem> {
    let addresses = gateway.users()?.list_addresses(&cx, UserRef { user }).await?;
    Ok(Json(AddressList { addresses }))
}

/// Keeps an address; at most 20 a user.
#[utoipa::path(post, path = "/v1/users/{user}/addresses", tag = "users", security(("bearer" = [])),
    params(("user" = UserId, Path, description = "Whose")), request_body = AddressBody,
    responses((status = 201, description = "The address as kept", body = SavedAddress)))]
pub(crate) async fn add_address(
    State(gateway): State<Gateway>,
    Path(user): Path<UserId>,
    Change { cx, body }: Change<AddressBody>,
) -> Result<Response, Problem> {
    let saved = gateway.users()?.save_address(&cx, SaveAddress { user, id: None, body }).await?;
    let location = format!("/v1/users/{user}/addresses/{}", saved.id);
    Ok(answer::created(&location, Json(saved).into_response()))
}

/// Replaces an address.
#[utoipa::path(put, path = "/v1/users/{user}/addresses/{address}", tag = "users", security(("bearer" = [])),
    params(("user" = UserId, Path, description = "Whose"), ("address" = AddressId, Path, description = "Which")),
    request_body = AddressBody,
    responses((status = 200, description = "The address as kept", body = SavedAddress)))]
pub(crate) async fn replace_address(
    State(gateway): State<Gateway>,
    Cx(cx): Cx,
    Path((user, id)): Path<(UserId, AddressId)>,
    Json(body): Json<AddressBody>,
) -> Result<Json<SavedAddress>, Problem> {
    let request = SaveAddress { user, id: Some(id), body };
    Ok(Json(gateway.users()?.save_address(&cx, request).await?))
}

/// Forgets an address.
#[utoipa::path(delete, path = "/v1/users/{user}/addresses/{address}", tag = "users", security(("bearer" = [])),
    params(("user" = UserId, Path, description = "Whose"), ("address" = AddressId, Path, description = "Which")),
    responses((status = 204, description = "Forgotten")))]
pub(crate) async fn remove_address(
    State(gateway): State<Gateway>,
    Cx(cx): Cx,
    Path((user, id)): Path<(UserId, AddressId)>,
) -> Result<StatusCode, Problem> {
    gateway.users()?.remove_address(&cx, AddressRef { user, id }).await?;
    Ok(StatusCode::NO_CONTENT)
}
