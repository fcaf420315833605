"""Predict the subtype of an image; `predictor.load_predictor` is the way in."""
