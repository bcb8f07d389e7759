"""The doctor's instruments: how things are looked at. What it means is judged in application/doctor."""
