-- Takes the pieces of a reservation that was open until now off their shelves.
update stock set
  on_hand = on_hand - h.quantity,
  reserved = reserved - h.quantity
from (select variant_id as held_id, quantity from holds where reservation_id = $1) as h
where variant_id = h.held_id
