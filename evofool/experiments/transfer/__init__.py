"""Do images that fool one network fool another?"""
