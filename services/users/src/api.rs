//! The contract's methods, one use case each.

mod accounts;
mod addresses;
mod claims;
mod import;
mod resets;
mod roles;
mod sessions;

use async_trait::async_trait;
use shoal_contract::users::{
    AddressRef, Authenticated, ChangePassword, ConfirmPasswordReset, Error, GrantRole, ImportUsers, Imported,
    IssuePasswordReset, ListSessions, ListUsers, LogIn, Login, NewUser, PasswordReset, Register,
    RequestPasswordReset, SaveAddress, SavedAddress, Session, SessionRef, Token, UpdateUser, User, UserRef,
    Users,
};
use shoal_types::{Context, Page};

use crate::House;

#[async_trait]
impl Users for House {
    async fn register(&self, cx: &Context, request: Register) -> Result<User, Error> {
        accounts::register(self, cx, request).await
    }

    async fn create_user(&self, cx: &Context, request: NewUser) -> Result<User, Error> {
        accounts::create(self, cx, request).await
    }

    async fn log_in(&self, cx: &Context, request: LogIn) -> Result<Login, Error> {
        sessions::log_in(self, cx, request).await
    }

    async fn authenticate(&self, cx: &Context, request: Token) -> Result<Authenticated, Error> {
        sessions::authenticate(self, cx, request).await
    }

    async fn rotate_session(&self, cx: &Context, request: Token) -> Result<Login, Error> {
        sessions::rotate(self, cx, request).await
    }

    async fn list_sessions(&self, cx: &Context, request: ListSessions) -> Result<Vec<Session>, Error> {
        sessions::list(self, cx, request).await
    }

    async fn revoke_session(&self, cx: &Context, request: SessionRef) -> Result<(), Error> {
        sessions::revoke(self, cx, request).await
    }

    async fn get_user(&self, cx: &Context, request: UserRef) -> Result<User, Error> {
        accounts::get(self, cx, request).await
    }

    async fn list_users(&self, cx: &Context, request: ListUsers) -> Result<Page<User>, Error> {
        accounts::list(self, cx, request).await
    }

    async fn update_user(&self, cx: &Context, request: UpdateUser) -> Result<User, Error> {
        accounts::update(self, cx, request).await
    }

    async fn change_password(&self, cx: &Context, request: ChangePassword) -> Result<(), Error> {
        sessions::change_password(self, cx, request).await
    }

    async fn request_password_reset(&self, cx: &Context, request: RequestPasswordReset) -> Result<(), Error> {
        resets::request(self, cx, request).await
    }

    async fn issue_password_reset(
        &self,
        cx: &Context,
        request: IssuePasswordReset,
    ) -> Result<PasswordReset, Error> {
        resets::issue(self, cx, request).await
    }

    async fn confirm_password_reset(&self, cx: &Context, request: ConfirmPasswordReset) -> Result<(), Error> {
        resets::confirm(self, cx, request).await
    }

    async fn grant_role(&self, cx: &Context, request: GrantRole) -> Result<User, Error> {
        roles::grant(self, cx, request).await
    }

    async fn delete_user(&self, cx: &Context, request: UserRef) -> Result<(), Error> {
        accounts::delete(self, cx, request).await
    }

    async fn list_addresses(&self, cx: &Context, request: UserRef) -> Result<Vec<SavedAddress>, Error> {
        addresses::list(self, cx, request).await
    }

    async fn save_address(&self, cx: &Context, request: SaveAddress) -> Result<SavedAddress, Error> {
        addresses::save(self, cx, request).await
    }

    async fn remove_address(&self, cx: &Context, request: AddressRef) -> Result<(), Error> {
        addresses::remove(self, cx, request).await
    }

    async fn import_users(&self, cx: &Context, request: ImportUsers) -> Result<Vec<Imported>, Error> {
        import::import(self, cx, request).await
    }
}
