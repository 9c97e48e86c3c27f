-- Lines of the ledger that no hold makes.
insert into movements (
  variant_id,
  movement_id,
  kind,
  on_hand_change,
  reservation_id,
  reason,
  at
)
values {rows:7}
