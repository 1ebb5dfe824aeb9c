Used parameters
Tilt range -60 to 60
