-- Makes the pieces of a reservation that was open until now available again.
update stock set
  reserved = reserved - h.quantity
from (select variant_id as held_id, quantity from holds where reservation_id = $1) as h
where variant_id = h.held_id
