//! The nodes, for who runs the shop.

use axum::extract::State;
use shoal_contract::nodes::{Ask, Cluster};
use shoal_net::http::{Json, Problem};

use crate::auth::LoggedIn;
use crate::gateway::Gateway;

/// Shows the nodes of the cluster; staff only.
///
/// As the node that answers knows them, with what each says of itself. A node that did not answer in time is there without
/// its `vitals`. A shop on one machine is a cluster of one.
#[utoipa::path(get, path = "/v1/cluster", tag = "node",
    responses((status = 200, description = "The cluster", body = Cluster)))]
pub(crate) async fn get_cluster(
    State(gateway): State<Gateway>,
    LoggedIn { cx, .. }: LoggedIn,
) -> Result<Json<Cluster>, Problem> {
    Ok(Json(gateway.nodes()?.cluster(&cx, Ask {}).await?))
}
