"""`consume`: topic `news` through the model into topic `opinions`; and its offline twins."""
