print("cifar-runs")
